DROP TABLE record_links;
DROP TABLE record_phones;
DROP TABLE record_fields;
