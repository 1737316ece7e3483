-- What is done with messages on their server once they are stored (FETCH-9), for all mail of an account.
ALTER TABLE accounts ADD COLUMN after_fetch TEXT NOT NULL DEFAULT 'leave'
    CHECK (after_fetch IN ('leave', 'seen', 'delete') OR after_fetch LIKE 'flag:_%' OR after_fetch LIKE 'move:_%');
-- Whether what the owner of a personal account reads is seen on the server, too.
ALTER TABLE accounts ADD COLUMN seen_back BOOLEAN NOT NULL DEFAULT FALSE;

-- What is due or done on a server; written with the decision, done after the commit, and gone with its e-mail: what is not stored any
-- more is not taken from a server either.
CREATE TABLE server_actions (
    position_id BIGINT NOT NULL REFERENCES positions (id) ON DELETE CASCADE,
    uid BIGINT NOT NULL,
    verb TEXT NOT NULL CHECK (verb IN ('seen', 'flag', 'move', 'delete')),
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    -- The keyword or the mailbox; else empty.
    target TEXT NOT NULL,
    asked_by TEXT NOT NULL CHECK (asked_by IN ('account', 'filter', 'reader')),
    -- How far a move has come where the server copies and expunges: a copy that may be there is looked for before it is made again.
    stage TEXT CHECK (stage IN ('copying', 'copied')),
    created_at BIGINT NOT NULL,
    -- When it is tried next; NULL when it is done or given up.
    due_at BIGINT,
    attempts BIGINT NOT NULL,
    done_at BIGINT,
    last_error TEXT,
    PRIMARY KEY (position_id, uid, verb)
) WITHOUT ROWID;
-- What waits is a few rows however many were done.
CREATE INDEX server_actions_due ON server_actions (position_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX server_actions_email ON server_actions (email_id);
