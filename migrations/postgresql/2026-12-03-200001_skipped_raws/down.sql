DROP TABLE skipped_raws;
