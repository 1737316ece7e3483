ALTER TABLE deletions DROP COLUMN was_answered;
DROP TABLE former_account_deletions;
DROP TABLE former_account_emails;
DROP TABLE former_accounts;
