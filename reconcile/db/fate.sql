-- $1: transaction number. in progress, committed, aborted, or NULL when it is too long ago.
SELECT pg_catalog.pg_xact_status($1::xid8)
