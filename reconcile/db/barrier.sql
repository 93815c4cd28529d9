-- Something to replicate: its COMMIT returns without a warning only when the standby has
-- all that was committed before it, too.
SELECT pg_catalog.pg_logical_emit_message(true, 'handback', 'settled')
