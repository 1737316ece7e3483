CREATE TABLE old_effects (
    id BIGINT NOT NULL PRIMARY KEY,
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    account_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL,
    filter TEXT NOT NULL,
    command TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT,
    attempts BIGINT NOT NULL,
    done_at BIGINT,
    last_error TEXT
);
INSERT INTO old_effects (id, email_id, account_id, filter, command, created_at, due_at, attempts, done_at, last_error)
    SELECT id, email_id, account_id, filter, command, created_at, due_at, attempts, done_at, last_error FROM effects WHERE event IS NULL;
DROP TABLE effects;
ALTER TABLE old_effects RENAME TO effects;
CREATE INDEX effects_due ON effects (due_at);
CREATE INDEX effects_email ON effects (email_id);
CREATE INDEX effects_account ON effects (account_id);
CREATE INDEX effects_done ON effects (done_at, id) WHERE done_at IS NOT NULL;
