ALTER TABLE raws DROP COLUMN is_erased;
