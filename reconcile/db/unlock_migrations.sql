SELECT pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('handback migrations', 0))
