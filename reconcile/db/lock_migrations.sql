-- One who migrates at a time; for the session, since each file is a transaction of its own.
SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended('handback migrations', 0))
