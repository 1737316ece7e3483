-- How far the full-text index is, and how often an e-mail that was not in it yet changed: whoever brings it up to date reads e-mails
-- before it keeps anybody from writing, and sees by these two whether they are still as they were.
INSERT INTO settings (name, value) SELECT 'search:last-email', '0'
    WHERE NOT EXISTS (SELECT 1 FROM settings WHERE name = 'search:last-email');
INSERT INTO settings (name, value) VALUES ('search:changes', '0');
