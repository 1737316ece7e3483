-- When raw bytes were pruned: of them the digest and the size are left.
ALTER TABLE raws ADD COLUMN pruned_at BIGINT;
CREATE INDEX raws_pruned ON raws (pruned_at, id);

-- When a user put an e-mail into the trash, and when it went into that of its group folder. Of what is there already nobody knows.
ALTER TABLE email_users ADD COLUMN trashed_at BIGINT;
UPDATE email_users SET trashed_at = floor(extract(epoch FROM now()))::bigint WHERE is_trashed;
CREATE INDEX email_users_trashed ON email_users (trashed_at, email_id) WHERE trashed_at IS NOT NULL;
ALTER TABLE emails ADD COLUMN group_trashed_at BIGINT;
UPDATE emails SET group_trashed_at = floor(extract(epoch FROM now()))::bigint WHERE group_place = 'trash';
CREATE INDEX emails_group_trashed ON emails (group_trashed_at, id) WHERE group_trashed_at IS NOT NULL;

-- What is old is found without reading what is not.
CREATE INDEX notifications_read ON notifications (created_at, id) WHERE is_read;
CREATE INDEX outbox_digests ON outbox (sent_at, email_id) WHERE kind = 'notification';
CREATE INDEX effects_done ON effects (done_at, id) WHERE done_at IS NOT NULL;
CREATE INDEX sent_copies_done ON sent_copies (done_at, email_id) WHERE done_at IS NOT NULL;
