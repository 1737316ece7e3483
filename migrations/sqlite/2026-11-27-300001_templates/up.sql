-- The text beside an HTML template; NULL is made of the HTML (SEND-9).
ALTER TABLE templates ADD COLUMN plain TEXT;

-- Files that go out with every letter made from a template.
CREATE TABLE template_files (
    template_id BIGINT NOT NULL REFERENCES templates (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    is_inline BOOLEAN NOT NULL,
    size BIGINT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (template_id, name)
);
