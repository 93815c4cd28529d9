-- name: lock_migrations
-- One who migrates at a time, until the transaction ends. Whoever only reads the list can take no lock that this one waits
-- for: an advisory lock is anybody's to take.
LOCK TABLE handback_schema.migration IN EXCLUSIVE MODE

-- name: migrations
-- What this database has had.
SELECT version, name, pg_catalog.encode(sha256, 'hex') AS sha256 FROM handback_schema.migration ORDER BY version

-- name: migration_done
-- $1: version, $2: name, $3: SHA-256 of the text, hex.
INSERT INTO handback_schema.migration (version, name, sha256)
VALUES ($1::integer, $2, pg_catalog.decode($3, 'hex'))
