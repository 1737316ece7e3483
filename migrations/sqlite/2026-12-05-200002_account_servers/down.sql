ALTER TABLE accounts ADD COLUMN imap_host TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN imap_port BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN imap_security TEXT NOT NULL DEFAULT 'tls' CHECK (imap_security IN ('tls', 'starttls', 'plain'));
ALTER TABLE accounts ADD COLUMN imap_user TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN imap_ca_file TEXT;
ALTER TABLE accounts ADD COLUMN imap_auth TEXT NOT NULL DEFAULT 'password' CHECK (imap_auth IN ('password', 'xoauth2', 'oauthbearer'));
ALTER TABLE accounts ADD COLUMN password_source TEXT NOT NULL DEFAULT 'stored' CHECK (password_source IN ('stored', 'command', 'file', 'credential'));
ALTER TABLE accounts ADD COLUMN password_reference TEXT;
ALTER TABLE accounts ADD COLUMN password_sealed BLOB;
UPDATE accounts SET
    imap_host = (SELECT imap_host FROM account_servers s WHERE s.account_id = accounts.id),
    imap_port = (SELECT imap_port FROM account_servers s WHERE s.account_id = accounts.id),
    imap_security = (SELECT imap_security FROM account_servers s WHERE s.account_id = accounts.id),
    imap_user = (SELECT imap_user FROM account_servers s WHERE s.account_id = accounts.id),
    imap_ca_file = (SELECT imap_ca_file FROM account_servers s WHERE s.account_id = accounts.id),
    imap_auth = (SELECT imap_auth FROM account_servers s WHERE s.account_id = accounts.id),
    password_source = (SELECT password_source FROM account_servers s WHERE s.account_id = accounts.id),
    password_reference = (SELECT password_reference FROM account_servers s WHERE s.account_id = accounts.id),
    password_sealed = (SELECT password_sealed FROM account_servers s WHERE s.account_id = accounts.id);
DROP TABLE account_servers;
