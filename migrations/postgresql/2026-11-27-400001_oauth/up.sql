-- How the server for reading is logged in to.
ALTER TABLE accounts ADD COLUMN imap_auth TEXT NOT NULL DEFAULT 'password' CHECK (imap_auth IN ('password', 'xoauth2', 'oauthbearer'));

ALTER TABLE account_sending DROP CONSTRAINT account_sending_smtp_auth_check;
ALTER TABLE account_sending ADD CONSTRAINT account_sending_smtp_auth_check
    CHECK (smtp_auth IN ('password', 'xoauth2', 'oauthbearer', 'none'));

-- The right to an account that a person gave at an authorisation server (FETCH-16); no row where a password or a command serves.
CREATE TABLE account_grants (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    -- As the configuration calls the server, or the path of a file that says where it is.
    provider TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    -- Grows with each pair of tokens, so that none is overwritten by an older one.
    generation BIGINT NOT NULL,
    -- Both are encrypted.
    access_sealed BYTEA NOT NULL,
    -- NULL where the server gave none: the right ends with the access token.
    refresh_sealed BYTEA,
    -- When the access token is renewed, and when it ends; NULL where the server does not say.
    renew_at BIGINT,
    ends_at BIGINT,
    -- Who renews it, and until when at the longest: one at a time, as a refresh token may be good for one use.
    renewed_by TEXT,
    renewed_until BIGINT,
    -- When the server said that the right has ended.
    ended_at BIGINT
);
