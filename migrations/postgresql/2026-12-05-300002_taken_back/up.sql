-- What a letter was before it was sent once more, for whoever takes that back (SEND-6).
ALTER TABLE outbox ADD COLUMN was_sent_at BIGINT;
ALTER TABLE outbox_recipients ADD COLUMN was_failed BOOLEAN NOT NULL DEFAULT FALSE;
