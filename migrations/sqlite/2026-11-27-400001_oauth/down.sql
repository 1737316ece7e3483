DROP TABLE account_grants;
UPDATE account_sending SET smtp_auth = 'xoauth2' WHERE smtp_auth = 'oauthbearer';
ALTER TABLE account_sending ADD COLUMN smtp_login TEXT NOT NULL DEFAULT 'password'
    CHECK (smtp_login IN ('password', 'xoauth2', 'none'));
UPDATE account_sending SET smtp_login = smtp_auth;
ALTER TABLE account_sending DROP COLUMN smtp_auth;
ALTER TABLE account_sending RENAME COLUMN smtp_login TO smtp_auth;
ALTER TABLE accounts DROP COLUMN imap_auth;
