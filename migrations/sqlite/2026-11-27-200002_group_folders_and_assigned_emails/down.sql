ALTER TABLE emails DROP COLUMN teams_by_hand;
DROP INDEX emails_assigned_user;
ALTER TABLE emails DROP COLUMN assigned_user_id;
ALTER TABLE emails DROP COLUMN group_place;
DROP INDEX accounts_group_folder;
ALTER TABLE accounts DROP COLUMN group_folder_id;
