-- One file of a partner is decided at a time: what it finds is what it acts upon. Until the end of the transaction.
-- $1 partner's code.
SELECT pg_advisory_xact_lock(x'68616e64'::integer, hashtext($1::text))
