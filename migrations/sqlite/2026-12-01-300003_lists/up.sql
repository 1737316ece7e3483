-- What lists read, in the order in which they show it: a page costs what the page has.

-- Where users have their e-mails; the index alone says which.
CREATE INDEX email_users_view ON email_users (user_id, is_read, is_trashed, is_archived, is_important, folder_id, email_id);
DROP INDEX email_users_user;

-- The newest of all, and the newest of those that are unread.
CREATE INDEX notifications_newest ON notifications (user_id, id);
CREATE INDEX notifications_newest_unread ON notifications (user_id, is_read, id);
DROP INDEX notifications_unread;

-- The most urgent case first, then the newest: the same words as in store/case/list.rs. Only cases have a status. Whether it is open and
-- whose it is, the index says, too.
CREATE INDEX records_cases ON records (
    (CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'low' THEN 3 ELSE 2 END), number DESC, status, assigned_user_id
) WHERE status IS NOT NULL;

-- The newest of one kind.
CREATE INDEX records_kind ON records (kind, id);

-- The newest fates; what is rare among them is found without reading the others.
CREATE INDEX fates_newest ON fates (at, position_id, uid);
DROP INDEX fates_at;
CREATE INDEX fates_fate ON fates (fate, at, position_id, uid);
