-- Is the ledger the reference one, whose entries and balances we know, and may we read them?
SELECT EXISTS (
	SELECT FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = 'ledger' AND c.relname = 'balance' AND has_table_privilege(c.oid, 'SELECT')
) AS has
