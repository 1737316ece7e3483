-- What filters did to e-mails, by the number of the filter, so that it can be taken back (WHY-2): who put it into its group folder,
-- gave it to a team or a user, marked it as read, and whose own filter sorted it. Filters may be gone since.
ALTER TABLE emails ADD COLUMN filed_by BIGINT;
ALTER TABLE email_teams ADD COLUMN given_by BIGINT;
ALTER TABLE email_users ADD COLUMN given_by BIGINT;
ALTER TABLE email_users ADD COLUMN read_by BIGINT;
ALTER TABLE email_users ADD COLUMN sorted_by BIGINT;
-- Whether the user chose its place, and whether it is read: no filter changes that. Of what is older nobody knows who did.
ALTER TABLE email_users ADD COLUMN is_placed_by_hand BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE email_users ADD COLUMN is_marked_by_hand BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE email_users SET is_placed_by_hand = TRUE WHERE folder_id IS NOT NULL OR is_archived OR is_trashed;
UPDATE email_users SET is_marked_by_hand = TRUE WHERE is_read;

-- Filters that were removed: what they did may still be there.
CREATE TABLE former_filters (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    account_id BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX former_filters_account ON former_filters (account_id);
CREATE INDEX former_filters_user ON former_filters (user_id);
