-- What was packed by LZ4 is read as it is.
DO $$
BEGIN
    EXECUTE 'ALTER TABLE emails ALTER COLUMN text SET COMPRESSION default';
    EXECUTE 'ALTER TABLE records ALTER COLUMN description SET COMPRESSION default';
    EXECUTE 'ALTER TABLE email_search ALTER COLUMN words SET COMPRESSION default';
EXCEPTION WHEN feature_not_supported OR syntax_error THEN NULL;
END $$;
