-- The bytes of what a filter skipped and no server has: what "deliver" and "import" were given, and what was in quarantine. Each row is of
-- a fate.
CREATE TABLE skipped_raws (
    position_id BIGINT NOT NULL REFERENCES positions (id) ON DELETE CASCADE,
    uid BIGINT NOT NULL,
    raw_id BIGINT NOT NULL REFERENCES raws (id) ON DELETE RESTRICT,
    -- When the message arrived, as far as it is known.
    internal_date BIGINT,
    kept_at BIGINT NOT NULL,
    PRIMARY KEY (position_id, uid)
);
CREATE INDEX skipped_raws_raw ON skipped_raws (raw_id);
CREATE INDEX skipped_raws_kept ON skipped_raws (kept_at, uid);
