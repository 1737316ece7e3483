-- SQL cannot unpack them: what became of each message stays, why does not.
UPDATE fates SET why = '{"fate":"' || fate || '","email":' || COALESCE(CAST(email_id AS TEXT), 'null')
    || ',"notes":[{"because":"its reasons were packed by a later espomail"}]}' WHERE reasons IS NOT NULL;
DELETE FROM settings WHERE name = 'reasons-packed';
ALTER TABLE fates DROP COLUMN reasons;
