DROP TABLE leavings;
DROP INDEX raws_storage;
ALTER TABLE raws DROP COLUMN upload;
ALTER TABLE raws DROP COLUMN storage_id;
DROP TABLE storages;
