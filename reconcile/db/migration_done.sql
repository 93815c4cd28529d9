-- $1: version, $2: name, $3: SHA-256 of the text, hex.
INSERT INTO handback_schema.migration (version, name, sha256)
VALUES ($1::integer, $2, pg_catalog.decode($3, 'hex'))
