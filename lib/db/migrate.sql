-- name: lock_migrations
-- One who migrates at a time; for the session, since each file is a transaction of its own.
SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended('handback migrations', 0))

-- name: migrations
-- What this database has had.
SELECT version, name, pg_catalog.encode(sha256, 'hex') AS sha256 FROM handback_schema.migration ORDER BY version

-- name: migration_done
-- $1: version, $2: name, $3: SHA-256 of the text, hex.
INSERT INTO handback_schema.migration (version, name, sha256)
VALUES ($1::integer, $2, pg_catalog.decode($3, 'hex'))

-- name: unlock_migrations
SELECT pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('handback migrations', 0))
