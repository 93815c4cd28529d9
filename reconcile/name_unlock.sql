-- $1 as in name_lock.sql.
SELECT pg_advisory_unlock($1::bigint)
