ALTER TABLE accounts DROP COLUMN address_vouched;
