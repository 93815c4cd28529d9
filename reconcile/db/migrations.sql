-- What this database has had.
SELECT version, name, pg_catalog.encode(sha256, 'hex') AS sha256 FROM handback_schema.migration ORDER BY version
