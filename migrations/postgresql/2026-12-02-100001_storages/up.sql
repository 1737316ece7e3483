-- Places outside the database that raw bytes lie in, as the configuration names them, and the folder there that is this database's.
CREATE TABLE storages (
    id BIGINT PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    folder TEXT NOT NULL
);

-- Where raw bytes lie that are not in the row: the storage, and the number that the name of the object has beside the digest.
ALTER TABLE raws ADD COLUMN storage_id BIGINT REFERENCES storages (id) ON DELETE RESTRICT;
ALTER TABLE raws ADD COLUMN upload BIGINT;
CREATE INDEX raws_storage ON raws (storage_id, digest);

-- Objects that nothing names any more, and that are to be deleted.
CREATE TABLE leavings (
    storage_id BIGINT NOT NULL REFERENCES storages (id) ON DELETE RESTRICT,
    digest BYTEA NOT NULL,
    upload BIGINT NOT NULL,
    PRIMARY KEY (storage_id, digest, upload)
);
