-- The group folder that an account's mail goes to, where its mailbox has none of its own (INBOX-2).
ALTER TABLE accounts ADD COLUMN group_folder_id BIGINT REFERENCES folders (id) ON DELETE SET NULL;
CREATE INDEX accounts_group_folder ON accounts (group_folder_id) WHERE group_folder_id IS NOT NULL;
-- Whether an e-mail is in the archive or the trash of its group folder, for everybody.
ALTER TABLE emails ADD COLUMN group_place TEXT CHECK (group_place IN ('archive', 'trash'));
-- What a person says of an e-mail (ACCESS-2): whose it is to look after, and whether the teams it has are a person's choice.
ALTER TABLE emails ADD COLUMN assigned_user_id BIGINT REFERENCES users (id) ON DELETE SET NULL;
CREATE INDEX emails_assigned_user ON emails (assigned_user_id) WHERE assigned_user_id IS NOT NULL;
ALTER TABLE emails ADD COLUMN teams_by_hand BOOLEAN NOT NULL DEFAULT FALSE;
