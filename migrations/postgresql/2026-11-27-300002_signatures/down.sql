ALTER TABLE account_sending DROP COLUMN signature_html;
ALTER TABLE account_sending DROP COLUMN signature;
ALTER TABLE users DROP COLUMN signature_html;
