-- HTML is made from the raw bytes when somebody looks at it (PARSE-1, PARSE-6).
ALTER TABLE emails DROP COLUMN html;
