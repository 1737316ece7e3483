-- SQL cannot unpack texts; the raw bytes have them still, and `espomail reprocess` reads them again.
UPDATE records SET description = '(packed by a later espomail)' WHERE packed IS NOT NULL;
ALTER TABLE records DROP COLUMN packed;
ALTER TABLE emails ADD COLUMN people TEXT NOT NULL DEFAULT '{}';
ALTER TABLE emails ADD COLUMN text TEXT NOT NULL DEFAULT '';
ALTER TABLE emails ADD COLUMN bounce TEXT;
ALTER TABLE emails ADD COLUMN calendar TEXT;
ALTER TABLE emails ADD COLUMN defects TEXT NOT NULL DEFAULT '[]';
ALTER TABLE emails ADD COLUMN list_id TEXT;
UPDATE emails SET (people, text, bounce, calendar, defects, list_id) = (
    SELECT t.people, CASE WHEN t.packed IS NULL THEN t.text ELSE '(packed by a later espomail)' END, t.bounce, t.calendar, t.defects, t.list_id
    FROM email_texts t WHERE t.email_id = emails.id);
DROP TABLE email_texts;
DELETE FROM settings WHERE name IN ('texts-packed', 'descriptions-packed');
