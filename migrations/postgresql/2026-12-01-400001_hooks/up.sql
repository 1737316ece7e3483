-- What is done outside the database: commands of filters (FILTER-4), and those that the configuration has for events (HOOK-1). An event
-- need not be of an e-mail.
CREATE TABLE new_effects (
    id BIGINT NOT NULL PRIMARY KEY,
    email_id BIGINT REFERENCES emails (id) ON DELETE CASCADE,
    -- The account that the e-mail came through, or that the event is of.
    account_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL,
    -- The names of the filter and of the command in the configuration; of an event both are empty.
    filter TEXT NOT NULL,
    command TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it is tried next, also by others when the one who tries it dies; NULL when it is done or given up.
    due_at BIGINT,
    attempts BIGINT NOT NULL,
    done_at BIGINT,
    last_error TEXT,
    event TEXT CHECK (event IN ('email-imported', 'case-created', 'answer-held', 'message-undelivered', 'account-failing')),
    -- What is known of the event beside its e-mail and account, as JSON.
    about TEXT
);
INSERT INTO new_effects (id, email_id, account_id, filter, command, created_at, due_at, attempts, done_at, last_error)
    SELECT id, email_id, account_id, filter, command, created_at, due_at, attempts, done_at, last_error FROM effects;
DROP TABLE effects;
ALTER TABLE new_effects RENAME TO effects;
CREATE INDEX effects_due ON effects (due_at);
CREATE INDEX effects_email ON effects (email_id);
CREATE INDEX effects_account ON effects (account_id);
CREATE INDEX effects_done ON effects (done_at, id) WHERE done_at IS NOT NULL;
