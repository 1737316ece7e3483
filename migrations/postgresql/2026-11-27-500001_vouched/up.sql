-- Whether an administrator gave the account its address. One that a user named is used to fetch with, and makes nothing theirs (AUTO-2).
ALTER TABLE accounts ADD COLUMN address_vouched BOOLEAN NOT NULL DEFAULT TRUE;
