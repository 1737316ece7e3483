-- Raw bytes that went as somebody in them was erased: no copy brings them back.
ALTER TABLE raws ADD COLUMN is_erased BOOLEAN NOT NULL DEFAULT FALSE;
