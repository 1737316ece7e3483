-- E-mails of people who were erased, by a keyed digest of Message-ID and content: whoever brings one again is told no more than that.
CREATE TABLE erasures (
    digest BLOB NOT NULL PRIMARY KEY,
    erased_at BIGINT NOT NULL
) WITHOUT ROWID;
