-- The transaction's number, if it wrote anything: what to ask for when COMMIT's answer does not come.
SELECT pg_catalog.pg_current_xact_id_if_assigned()::text
