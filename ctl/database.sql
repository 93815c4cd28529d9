-- name: database_exists
SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1::text) AS has

-- name: database_create
-- The database of an embedded cluster, which is only ours.
CREATE DATABASE handback TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'
