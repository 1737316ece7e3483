DELETE FROM settings WHERE name = 'search:changes';
