-- Whether a letter that had reached somebody goes out once more: what followed from it then does not follow again (SEND-8).
ALTER TABLE outbox ADD COLUMN is_resent BOOLEAN NOT NULL DEFAULT FALSE;
