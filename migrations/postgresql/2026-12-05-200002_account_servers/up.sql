-- Where an account's mailboxes are, and how to log in there, beside what it is and what rules ask of it.
CREATE TABLE account_servers (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    imap_host TEXT NOT NULL,
    imap_port BIGINT NOT NULL,
    imap_security TEXT NOT NULL CHECK (imap_security IN ('tls', 'starttls', 'plain')),
    imap_user TEXT NOT NULL,
    imap_ca_file TEXT,
    imap_auth TEXT NOT NULL DEFAULT 'password' CHECK (imap_auth IN ('password', 'xoauth2', 'oauthbearer')),
    password_source TEXT NOT NULL CHECK (password_source IN ('stored', 'command', 'file', 'credential')),
    -- The command as a JSON list, the file's path or the credential's name.
    password_reference TEXT,
    password_sealed BYTEA
);
INSERT INTO account_servers (account_id, imap_host, imap_port, imap_security, imap_user, imap_ca_file, imap_auth, password_source, password_reference,
        password_sealed)
    SELECT id, imap_host, imap_port, imap_security, imap_user, imap_ca_file, imap_auth, password_source, password_reference,
        password_sealed FROM accounts;
ALTER TABLE accounts DROP COLUMN imap_host;
ALTER TABLE accounts DROP COLUMN imap_port;
ALTER TABLE accounts DROP COLUMN imap_security;
ALTER TABLE accounts DROP COLUMN imap_user;
ALTER TABLE accounts DROP COLUMN imap_ca_file;
ALTER TABLE accounts DROP COLUMN imap_auth;
ALTER TABLE accounts DROP COLUMN password_source;
ALTER TABLE accounts DROP COLUMN password_reference;
ALTER TABLE accounts DROP COLUMN password_sealed;
