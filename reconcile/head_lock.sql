-- One writer of the chain at a time, until the end of the transaction. A statement of its own: the next one must see
-- what its predecessor committed.
SELECT pg_advisory_xact_lock(x'68656164'::integer, 0)
