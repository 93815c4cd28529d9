-- Kept copies stay until this session ends: what its snapshot calls kept is there (retention_lock.sql). Before the snapshot.
SELECT pg_advisory_lock_shared(hashtextextended('handback retention', 0))
