ALTER TABLE accounts ADD COLUMN last_success_at BIGINT;
ALTER TABLE accounts ADD COLUMN last_error TEXT;
ALTER TABLE accounts ADD COLUMN last_error_at BIGINT;
ALTER TABLE accounts ADD COLUMN failure TEXT;
ALTER TABLE accounts ADD COLUMN failing_since BIGINT;
ALTER TABLE accounts ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN said_at BIGINT;
ALTER TABLE accounts ADD COLUMN retry_at BIGINT;
ALTER TABLE accounts ADD COLUMN told_at BIGINT;
ALTER TABLE accounts ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN lease_owner TEXT;
ALTER TABLE accounts ADD COLUMN lease_until BIGINT;
ALTER TABLE accounts ADD COLUMN careful BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE accounts SET
    last_success_at = (SELECT last_success_at FROM account_states s WHERE s.account_id = accounts.id),
    last_error = (SELECT last_error FROM account_states s WHERE s.account_id = accounts.id),
    last_error_at = (SELECT last_error_at FROM account_states s WHERE s.account_id = accounts.id),
    failure = (SELECT failure FROM account_states s WHERE s.account_id = accounts.id),
    failing_since = (SELECT failing_since FROM account_states s WHERE s.account_id = accounts.id),
    failures = (SELECT failures FROM account_states s WHERE s.account_id = accounts.id),
    said_at = (SELECT said_at FROM account_states s WHERE s.account_id = accounts.id),
    retry_at = (SELECT retry_at FROM account_states s WHERE s.account_id = accounts.id),
    told_at = (SELECT told_at FROM account_states s WHERE s.account_id = accounts.id),
    fence = (SELECT fence FROM account_states s WHERE s.account_id = accounts.id),
    lease_owner = (SELECT lease_owner FROM account_states s WHERE s.account_id = accounts.id),
    lease_until = (SELECT lease_until FROM account_states s WHERE s.account_id = accounts.id),
    careful = (SELECT careful FROM account_states s WHERE s.account_id = accounts.id);
DROP TABLE account_states;
