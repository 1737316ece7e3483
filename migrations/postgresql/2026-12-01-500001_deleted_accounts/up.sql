-- What was deleted counts for the accounts that it had come through: what another account gets is its own. Of what was deleted before,
-- nobody wrote down which they were.
ALTER TABLE deletions ADD COLUMN is_for_all BOOLEAN NOT NULL DEFAULT TRUE;

CREATE TABLE deletion_accounts (
    message_id TEXT NOT NULL,
    content_digest BYTEA NOT NULL,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (message_id, content_digest, account_id)
);
CREATE INDEX deletion_accounts_account ON deletion_accounts (account_id);
