-- How fetching an account goes and who works on it: what passes write, beside what people set.
CREATE TABLE account_states (
    account_id INTEGER NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    last_success_at BIGINT,
    last_error TEXT,
    last_error_at BIGINT,
    -- What the last failure has in common with the same one at another time (FETCH-12).
    failure TEXT,
    failing_since BIGINT,
    failures BIGINT NOT NULL,
    -- When the failure was last said on standard error.
    said_at BIGINT,
    retry_at BIGINT,
    -- When people were told that it fails (FETCH-12).
    told_at BIGINT,
    -- Fencing number of the lease: grows with each taking and with each reset (FETCH-11, FETCH-13).
    fence BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT,
    -- After a death, one message at a time (FETCH-6).
    careful BOOLEAN NOT NULL
);
INSERT INTO account_states (account_id, last_success_at, last_error, last_error_at, failure, failing_since, failures, said_at, retry_at, told_at,
        fence, lease_owner, lease_until, careful)
    SELECT id, last_success_at, last_error, last_error_at, failure, failing_since, failures, said_at, retry_at, told_at,
        fence, lease_owner, lease_until, careful FROM accounts;
ALTER TABLE accounts DROP COLUMN last_success_at;
ALTER TABLE accounts DROP COLUMN last_error;
ALTER TABLE accounts DROP COLUMN last_error_at;
ALTER TABLE accounts DROP COLUMN failure;
ALTER TABLE accounts DROP COLUMN failing_since;
ALTER TABLE accounts DROP COLUMN failures;
ALTER TABLE accounts DROP COLUMN said_at;
ALTER TABLE accounts DROP COLUMN retry_at;
ALTER TABLE accounts DROP COLUMN told_at;
ALTER TABLE accounts DROP COLUMN fence;
ALTER TABLE accounts DROP COLUMN lease_owner;
ALTER TABLE accounts DROP COLUMN lease_until;
ALTER TABLE accounts DROP COLUMN careful;
