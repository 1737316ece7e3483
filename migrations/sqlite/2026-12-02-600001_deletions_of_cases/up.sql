-- Whether what was deleted was of a case: another account's copy of it opens none, and re-opens none (DUP-1).
ALTER TABLE deletions ADD COLUMN was_of_case BOOLEAN NOT NULL DEFAULT FALSE;
