-- What is long is packed as it comes in: by LZ4, which takes a small part of the time. A server without it goes on as it did, and what is there
-- stays as it is.
DO $$
BEGIN
    EXECUTE 'ALTER TABLE emails ALTER COLUMN text SET COMPRESSION lz4';
    EXECUTE 'ALTER TABLE records ALTER COLUMN description SET COMPRESSION lz4';
    EXECUTE 'ALTER TABLE email_search ALTER COLUMN words SET COMPRESSION lz4';
EXCEPTION WHEN feature_not_supported OR syntax_error THEN NULL;
END $$;
