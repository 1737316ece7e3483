ALTER TABLE positions DROP COLUMN is_left;
