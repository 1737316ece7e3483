-- The rule that holds a message, and whether it waits because the database was put back (SEND-12), whatever else holds it: so far only the
-- words of held_because said so.
ALTER TABLE outbox ADD COLUMN held_rule TEXT;
ALTER TABLE outbox ADD COLUMN held_restored BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE outbox SET held_rule = 'SEND-3' WHERE held_because LIKE 'SEND-3: %';
UPDATE outbox SET held_rule = 'SEND-12', held_restored = TRUE WHERE held_because LIKE 'SEND-12: %';
UPDATE outbox SET held_restored = TRUE
    WHERE held_because LIKE '%; and the database was put back from a copy: it may have gone out already';
