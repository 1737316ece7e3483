-- The account has moved to another server since: its UIDs mean nothing there, also where UIDVALIDITY is the same by chance.
ALTER TABLE positions ADD COLUMN is_left BOOLEAN NOT NULL DEFAULT FALSE;
