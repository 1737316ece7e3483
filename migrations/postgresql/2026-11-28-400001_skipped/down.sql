DROP INDEX outbox_recipients_address;
DROP INDEX emails_from;
DROP INDEX fates_at;
DROP INDEX fates_skipped_by;
DROP INDEX fates_author;
ALTER TABLE fates DROP COLUMN skipped_by;
ALTER TABLE fates DROP COLUMN subject;
ALTER TABLE fates DROP COLUMN author;
