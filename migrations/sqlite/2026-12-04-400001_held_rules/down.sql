ALTER TABLE outbox DROP COLUMN held_restored;
ALTER TABLE outbox DROP COLUMN held_rule;
