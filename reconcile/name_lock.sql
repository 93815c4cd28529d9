-- One owner of a delivery among all workers, gone with its session. $1: made of source and name.
SELECT pg_try_advisory_lock($1::bigint)
