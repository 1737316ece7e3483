-- Accounts that were removed: what people deleted of their mail does not come back when the mailbox gets another account (FETCH-2).
CREATE TABLE former_accounts (
    id BIGINT NOT NULL PRIMARY KEY,
    -- The login of the user whose it was; empty is a group account.
    owner TEXT NOT NULL,
    address TEXT NOT NULL,
    imap_host TEXT NOT NULL,
    imap_user TEXT NOT NULL
);
CREATE INDEX former_accounts_address ON former_accounts (owner, address);
CREATE INDEX former_accounts_login ON former_accounts (owner, imap_host, imap_user);

-- The e-mails that came, or went, through them.
CREATE TABLE former_account_emails (
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    former_id BIGINT NOT NULL REFERENCES former_accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (email_id, former_id)
);
CREATE INDEX former_account_emails_former ON former_account_emails (former_id);

-- The same of those that were deleted.
CREATE TABLE former_account_deletions (
    message_id TEXT NOT NULL,
    content_digest BYTEA NOT NULL,
    former_id BIGINT NOT NULL REFERENCES former_accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (message_id, content_digest, former_id)
);
CREATE INDEX former_account_deletions_former ON former_account_deletions (former_id);

-- Whether what was deleted was answered by itself: whatever brings it again, it is not answered twice (ACK-1).
ALTER TABLE deletions ADD COLUMN was_answered BOOLEAN NOT NULL DEFAULT FALSE;

-- Bytes that accounts left behind which were removed with what they had in quarantine.
DELETE FROM raws
WHERE NOT EXISTS (SELECT 1 FROM emails e WHERE e.raw_id = raws.id)
  AND NOT EXISTS (SELECT 1 FROM email_copies c WHERE c.raw_id = raws.id)
  AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.raw_id = raws.id);
