DROP TABLE deletion_accounts;
ALTER TABLE deletions DROP COLUMN is_for_all;
