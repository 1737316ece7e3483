ALTER TABLE deletions DROP COLUMN letter;
