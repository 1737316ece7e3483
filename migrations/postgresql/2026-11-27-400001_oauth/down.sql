DROP TABLE account_grants;
UPDATE account_sending SET smtp_auth = 'xoauth2' WHERE smtp_auth = 'oauthbearer';
ALTER TABLE account_sending DROP CONSTRAINT account_sending_smtp_auth_check;
ALTER TABLE account_sending ADD CONSTRAINT account_sending_smtp_auth_check CHECK (smtp_auth IN ('password', 'xoauth2', 'none'));
ALTER TABLE accounts DROP COLUMN imap_auth;
