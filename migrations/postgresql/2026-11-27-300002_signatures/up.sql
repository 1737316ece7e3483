-- Signatures as HTML, sanitised; empty is made of the text (SEND-10).
ALTER TABLE users ADD COLUMN signature_html TEXT NOT NULL DEFAULT '';

-- What stands below letters that go out through an account, whose writers have no signature of their own.
ALTER TABLE account_sending ADD COLUMN signature TEXT NOT NULL DEFAULT '';
ALTER TABLE account_sending ADD COLUMN signature_html TEXT NOT NULL DEFAULT '';
