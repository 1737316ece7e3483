-- lower() knows the letters of the locale that a database was made with: of "C" those of ASCII alone. By Unicode it knows all, where this
-- PostgreSQL has that. A sigma at the end of a word is one like any other.
DO $do$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu') AND getdatabaseencoding() = 'UTF8' THEN
        CREATE FUNCTION small_letters(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
            AS $body$ SELECT replace(lower($1 COLLATE "und-x-icu"), U&'\03C2', U&'\03C3') $body$;
    ELSE
        CREATE FUNCTION small_letters(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
            AS $body$ SELECT lower($1) $body$;
    END IF;
END
$do$;
