-- What a record says of itself beside its columns, by the names of fields: the usual ones and those of the configuration.
CREATE TABLE record_fields (
    record_id BIGINT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (record_id, name)
);
CREATE INDEX record_fields_value ON record_fields (name, value);

CREATE TABLE record_phones (
    record_id BIGINT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    phone TEXT NOT NULL,
    -- Its digits alone, to look it up by.
    digits TEXT NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (record_id, phone)
);

-- The further Accounts of a Contact, and the further Contacts of a case or Opportunity; the first stands in the record itself.
CREATE TABLE record_links (
    record_id BIGINT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    other_id BIGINT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    PRIMARY KEY (record_id, other_id)
);
CREATE INDEX record_links_other ON record_links (other_id);
