DROP INDEX emails_maybe_nobodys;
ALTER TABLE emails DROP COLUMN maybe_nobodys;
