-- The events of e-mails, so that those to come are found without reading every calendar; what they say stands in emails.calendar.
CREATE TABLE events (
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    -- Which event of the e-mail, from 1.
    place BIGINT NOT NULL,
    -- Several e-mails may speak of one event; empty where the sender gave it no UID.
    uid TEXT NOT NULL,
    -- Seconds since 1970 UTC; of what recurs the last day that it says.
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (email_id, place)
);
CREATE INDEX events_uid ON events (uid);
CREATE INDEX events_ends_at ON events (ends_at);
