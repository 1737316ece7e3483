-- Of what a filter skipped: who wrote it (lower case), about what, and the number of the filter, which may be gone since.
ALTER TABLE fates ADD COLUMN author TEXT;
ALTER TABLE fates ADD COLUMN subject TEXT;
ALTER TABLE fates ADD COLUMN skipped_by BIGINT;
CREATE INDEX fates_author ON fates (author) WHERE author IS NOT NULL;
CREATE INDEX fates_skipped_by ON fates (skipped_by) WHERE skipped_by IS NOT NULL;
CREATE INDEX fates_at ON fates (at);

-- Whose mail went where is asked by address.
CREATE INDEX emails_from ON emails (from_address, date);
CREATE INDEX outbox_recipients_address ON outbox_recipients (address);
