-- The same as why, packed; then why is empty. What is there already is packed by `espomail prune` or `espomail db vacuum`, some at a time.
ALTER TABLE fates ADD COLUMN reasons BLOB;
