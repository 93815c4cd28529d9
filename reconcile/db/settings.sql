-- The first statement of every connection: all that could change what a later one means.
-- $1: the role to act as, or NULL.
SELECT
	pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),
	pg_catalog.set_config('client_encoding', 'UTF8', false),
	pg_catalog.set_config('TimeZone', 'UTC', false),
	pg_catalog.set_config('DateStyle', 'ISO, YMD', false),
	pg_catalog.set_config('IntervalStyle', 'postgres', false),
	pg_catalog.set_config('bytea_output', 'hex', false),
	pg_catalog.set_config('standard_conforming_strings', 'on', false),
	pg_catalog.set_config('client_min_messages', 'warning', false),
	pg_catalog.set_config('default_transaction_isolation', 'read committed', false),
	-- nothing waits for ever: not for a rival, not on a dead client, not in a plan gone wrong
	pg_catalog.set_config('statement_timeout', '30min', false),
	pg_catalog.set_config('lock_timeout', '30s', false),
	pg_catalog.set_config('idle_in_transaction_session_timeout', '5min', false),
	CASE WHEN pg_catalog.current_setting('client_connection_check_interval', true) IS NOT NULL
		THEN pg_catalog.set_config('client_connection_check_interval', '2s', false) END,
	-- compiling costs more than it saves in statements that run once for a file
	pg_catalog.set_config('jit', 'off', false),
	pg_catalog.set_config('work_mem', '64MB', false),
	pg_catalog.set_config('temp_buffers', '64MB', false),
	CASE WHEN $1::text IS NOT NULL THEN pg_catalog.set_config('role', $1::text, false) END
