-- What an e-mail says is long and rarely read: whatever goes through many e-mails reads short rows. What is there already is packed by
-- `espomail prune` or `espomail db vacuum`, some at a time.
CREATE TABLE email_texts (
    email_id BIGINT NOT NULL PRIMARY KEY REFERENCES emails (id) ON DELETE CASCADE,
    -- From, Reply-To, To, Cc and Bcc as JSON lists of {name, address}.
    people TEXT NOT NULL,
    text TEXT NOT NULL,
    -- The same as text, packed; then text is empty.
    packed BYTEA,
    -- JSON: a delivery report, calendar events, a list of words.
    bounce TEXT,
    calendar TEXT,
    defects TEXT NOT NULL,
    list_id TEXT
);
ALTER TABLE email_texts ALTER COLUMN packed SET STORAGE EXTERNAL;
DO $$
BEGIN
    EXECUTE 'ALTER TABLE email_texts ALTER COLUMN text SET COMPRESSION lz4';
EXCEPTION WHEN feature_not_supported OR syntax_error THEN NULL;
END $$;
INSERT INTO email_texts (email_id, people, text, bounce, calendar, defects, list_id)
    SELECT id, people, text, bounce, calendar, defects, list_id FROM emails;
ALTER TABLE emails DROP COLUMN text;
ALTER TABLE emails DROP COLUMN people;
ALTER TABLE emails DROP COLUMN calendar;
ALTER TABLE emails DROP COLUMN defects;
ALTER TABLE emails DROP COLUMN bounce;
ALTER TABLE emails DROP COLUMN list_id;

-- The same of what is said of records: mail has it long.
ALTER TABLE records ADD COLUMN packed BYTEA;
ALTER TABLE records ALTER COLUMN packed SET STORAGE EXTERNAL;
