-- What almost no row refers to needs no place in an index: nobody looks for rows that refer to nothing.
DROP INDEX raws_storage;
CREATE INDEX raws_storage ON raws (storage_id, digest) WHERE storage_id IS NOT NULL;
DROP INDEX records_account;
CREATE INDEX records_account ON records (account_id, kind, active) WHERE account_id IS NOT NULL;
DROP INDEX records_contact;
CREATE INDEX records_contact ON records (contact_id, kind, active) WHERE contact_id IS NOT NULL;
DROP INDEX records_lead;
CREATE INDEX records_lead ON records (lead_id) WHERE lead_id IS NOT NULL;
DROP INDEX records_converted_account;
CREATE INDEX records_converted_account ON records (converted_account_id) WHERE converted_account_id IS NOT NULL;
DROP INDEX records_converted_contact;
CREATE INDEX records_converted_contact ON records (converted_contact_id) WHERE converted_contact_id IS NOT NULL;
DROP INDEX records_merged_into;
CREATE INDEX records_merged_into ON records (merged_into_id) WHERE merged_into_id IS NOT NULL;
DROP INDEX records_refers_to;
CREATE INDEX records_refers_to ON records (refers_to_id) WHERE refers_to_id IS NOT NULL;
DROP INDEX emails_account_record;
CREATE INDEX emails_account_record ON emails (account_record_id) WHERE account_record_id IS NOT NULL;
DROP INDEX emails_replied;
CREATE INDEX emails_replied ON emails (replied_id) WHERE replied_id IS NOT NULL;
DROP INDEX notes_author;
CREATE INDEX notes_author ON notes (author_id) WHERE author_id IS NOT NULL;
DROP INDEX notifications_note;
CREATE INDEX notifications_note ON notifications (note_id) WHERE note_id IS NOT NULL;

-- A device that sends the same subject for years is asked for its last days alone; and only letters of ours are looked for by whom they went to.
DROP INDEX emails_subject_from;
CREATE INDEX emails_subject_from ON emails (subject_from, arrived_at);
DROP INDEX emails_subject_to;
CREATE INDEX emails_subject_to ON emails (subject_to, arrived_at) WHERE is_ours;
