SELECT pg_advisory_unlock(hashtextextended('handback retention', 0))
