DROP TABLE server_actions;
ALTER TABLE accounts DROP COLUMN seen_back;
ALTER TABLE accounts DROP COLUMN after_fetch;
