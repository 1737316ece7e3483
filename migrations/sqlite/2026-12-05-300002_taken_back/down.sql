ALTER TABLE outbox_recipients DROP COLUMN was_failed;
ALTER TABLE outbox DROP COLUMN was_sent_at;
