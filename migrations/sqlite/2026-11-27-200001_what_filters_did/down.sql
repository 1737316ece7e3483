DROP TABLE former_filters;
ALTER TABLE email_users DROP COLUMN is_marked_by_hand;
ALTER TABLE email_users DROP COLUMN is_placed_by_hand;
ALTER TABLE email_users DROP COLUMN sorted_by;
ALTER TABLE email_users DROP COLUMN read_by;
ALTER TABLE email_users DROP COLUMN given_by;
ALTER TABLE email_teams DROP COLUMN given_by;
ALTER TABLE emails DROP COLUMN filed_by;
