ALTER TABLE deletions DROP COLUMN was_of_case;
