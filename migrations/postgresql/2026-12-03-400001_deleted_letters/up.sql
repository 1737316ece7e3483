-- A digest of Message-ID, author and Date of what was deleted, or was of a case that was: a copy with another footer opens nothing (DUP-1).
ALTER TABLE deletions ADD COLUMN letter BYTEA;
