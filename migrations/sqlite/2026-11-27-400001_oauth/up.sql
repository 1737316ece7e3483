-- How the server for reading is logged in to.
ALTER TABLE accounts ADD COLUMN imap_auth TEXT NOT NULL DEFAULT 'password' CHECK (imap_auth IN ('password', 'xoauth2', 'oauthbearer'));

-- SQLite changes no check of a column: another takes its place.
ALTER TABLE account_sending ADD COLUMN smtp_login TEXT NOT NULL DEFAULT 'password'
    CHECK (smtp_login IN ('password', 'xoauth2', 'oauthbearer', 'none'));
UPDATE account_sending SET smtp_login = smtp_auth;
ALTER TABLE account_sending DROP COLUMN smtp_auth;
ALTER TABLE account_sending RENAME COLUMN smtp_login TO smtp_auth;

-- The right to an account that a person gave at an authorisation server (FETCH-16); no row where a password or a command serves.
CREATE TABLE account_grants (
    account_id INTEGER NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    -- As the configuration calls the server, or the path of a file that says where it is.
    provider TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    -- Grows with each pair of tokens, so that none is overwritten by an older one.
    generation BIGINT NOT NULL,
    -- Both are encrypted.
    access_sealed BLOB NOT NULL,
    -- NULL where the server gave none: the right ends with the access token.
    refresh_sealed BLOB,
    -- When the access token is renewed, and when it ends; NULL where the server does not say.
    renew_at BIGINT,
    ends_at BIGINT,
    -- Who renews it, and until when at the longest: one at a time, as a refresh token may be good for one use.
    renewed_by TEXT,
    renewed_until BIGINT,
    -- When the server said that the right has ended.
    ended_at BIGINT
);
