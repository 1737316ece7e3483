-- Whether an e-mail may be in nobody's inbox: those alone are looked at for who reaches nobody. What somebody has since is marked still.
ALTER TABLE emails ADD COLUMN maybe_nobodys BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE emails SET maybe_nobodys = TRUE WHERE NOT EXISTS (SELECT 1 FROM email_users u WHERE u.email_id = emails.id);
CREATE INDEX emails_maybe_nobodys ON emails (date, id) WHERE maybe_nobodys AND NOT is_archived AND NOT is_ours;
