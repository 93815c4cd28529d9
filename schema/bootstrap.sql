-- What has been applied. Made before the first migration, by whoever runs it; 0001 gives it to the owner.

CREATE SCHEMA IF NOT EXISTS handback_schema;

CREATE TABLE IF NOT EXISTS handback_schema.migration (
	version    integer     PRIMARY KEY CHECK (version > 0),
	name       text        NOT NULL,
	sha256     bytea       NOT NULL CHECK (length(sha256) = 32),
	applied_at timestamptz NOT NULL DEFAULT transaction_timestamp(),
	applied_by text        NOT NULL DEFAULT session_user
);
