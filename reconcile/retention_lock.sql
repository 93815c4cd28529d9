-- Copies are removed by one run at a time, and not while somebody verifies them (verify_lock.sql).
SELECT pg_try_advisory_lock(hashtextextended('handback retention', 0))
