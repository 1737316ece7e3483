ALTER TABLE email_teams DROP COLUMN handed_by;
