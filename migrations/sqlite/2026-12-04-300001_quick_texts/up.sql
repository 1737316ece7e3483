-- PostgreSQL alone packs texts by itself.
SELECT 1;
