DROP TABLE template_files;
ALTER TABLE templates DROP COLUMN plain;
