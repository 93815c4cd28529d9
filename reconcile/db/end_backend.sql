-- $1: transaction number, $2: process. A backend that still holds a transaction whose client is gone.
SELECT pg_catalog.pg_terminate_backend(pid)
FROM pg_catalog.pg_stat_activity
WHERE pid = $2::integer AND pid <> pg_catalog.pg_backend_pid()
	AND backend_xid::text::bigint = $1::bigint % 4294967296
