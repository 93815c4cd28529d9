-- name: settings
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

-- name: check
-- What kind of server answered; read right after db_settings.sql.
SELECT
	pg_catalog.current_setting('server_version_num') AS version,
	pg_catalog.pg_is_in_recovery() AS standby,
	pg_catalog.current_setting('transaction_read_only') AS read_only,
	pg_catalog.current_setting('synchronous_commit') AS synchronous_commit,
	pg_catalog.current_setting('synchronous_standby_names') AS standbys,
	pg_catalog.current_setting('fsync', true) AS fsync,
	pg_catalog.current_setting('server_encoding') AS encoding,
	pg_catalog.current_setting('session_replication_role') AS replication_role,
	-- what passes over damage that the server sees
	(SELECT pg_catalog.min(s.name) FROM pg_catalog.pg_settings s
		WHERE s.name IN ('zero_damaged_pages', 'ignore_checksum_failure', 'ignore_system_indexes') AND s.setting = 'on') AS careless,
	pg_catalog.pg_backend_pid() AS backend,
	-- which server this is: its cluster, and the timeline that a promotion changes
	CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
		THEN (SELECT system_identifier FROM pg_catalog.pg_control_system()) END AS system_identifier,
	CASE WHEN NOT pg_catalog.pg_is_in_recovery()
			AND pg_catalog.has_function_privilege('pg_catalog.pg_walfile_name(pg_lsn)', 'EXECUTE')
			AND pg_catalog.has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'EXECUTE')
		THEN pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END AS timeline,
	-- and since when it has run without a crash, which resets the statistics also where the postmaster lives on
	pg_catalog.concat_ws('/', pg_catalog.pg_postmaster_start_time(),
		pg_catalog.pg_stat_get_bgwriter_stat_reset_time()) AS life

-- name: guards
-- What of our tables' guards is switched off: a trigger that does not fire, a unique index that holds nothing. No row: all stand.
SELECT pg_catalog.format('the trigger %s of %s.%s is disabled', t.tgname, n.nspname, c.relname) AS what
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgenabled NOT IN ('O', 'A') AND pg_catalog.pg_get_userbyid(c.relowner) = 'handback_owner'
UNION ALL
SELECT pg_catalog.format('the unique index %s of %s.%s is not valid', i.indexrelid::pg_catalog.regclass, n.nspname, c.relname)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisunique AND NOT (i.indisvalid AND i.indisready) AND pg_catalog.pg_get_userbyid(c.relowner) = 'handback_owner'
ORDER BY 1
LIMIT 1

-- name: backend
-- Which process of the server answers.
SELECT pg_catalog.pg_backend_pid() AS backend

-- name: transaction
-- The transaction's number, if it wrote anything: what to ask for when COMMIT's answer does not come.
SELECT pg_catalog.pg_current_xact_id_if_assigned()::text AS transaction,
	pg_catalog.current_setting('synchronous_standby_names') AS standbys

-- name: transaction_sure
-- The same, where what was found is told as done: it is as durable as what is written, also when the session that wrote it has not heard yet.
SELECT CASE
	WHEN pg_catalog.pg_current_xact_id_if_assigned() IS NULL AND pg_catalog.current_setting('synchronous_standby_names') <> ''
	THEN (SELECT pg_catalog.pg_current_xact_id_if_assigned()::text
		FROM (SELECT pg_catalog.pg_logical_emit_message(true, 'handback', 'settled') AS barrier OFFSET 0) told
		WHERE told.barrier IS NOT NULL)
	ELSE pg_catalog.pg_current_xact_id_if_assigned()::text
END AS transaction

-- name: fate
-- $1: transaction number. in progress, committed, aborted, or NULL when it is too long ago.
SELECT pg_catalog.pg_xact_status($1::xid8) AS fate

-- name: barrier
-- Something to replicate: its COMMIT returns without a warning only when the standby has
-- all that was committed before it, too.
SELECT pg_catalog.pg_logical_emit_message(true, 'handback', 'settled')

-- name: end_backend
-- $1: transaction number, $2: process. A backend that still holds a transaction whose client is gone.
SELECT pg_catalog.pg_terminate_backend(pid)
FROM pg_catalog.pg_stat_activity
WHERE pid = $2::integer AND pid <> pg_catalog.pg_backend_pid()
	AND backend_xid::text::bigint = $1::bigint % 4294967296

-- name: role
-- Take the first of these roles that the login is a member of: the least that
-- will do comes first. No row: it is a member of none.
SELECT wanted.role, set_config('role', wanted.role, false)
FROM unnest($1::text[]) WITH ORDINALITY AS wanted (role, place)
JOIN pg_catalog.pg_roles ON rolname = wanted.role
WHERE pg_has_role(session_user, wanted.role, 'MEMBER')
ORDER BY wanted.place
LIMIT 1

-- name: still_there
-- The session $1, on the very server that was started as $2 says: where a proxy leads elsewhere now, there is no row.
SELECT coalesce(wait_event = 'SyncRep', false) AS for_standby
FROM pg_catalog.pg_stat_activity
WHERE pid = $1::integer AND pg_catalog.split_part($2::text, '/', 1) = pg_catalog.pg_postmaster_start_time()::text

-- name: cancel_session
SELECT pg_catalog.pg_cancel_backend($1::integer)

-- name: lock_holders
-- Who holds what the session $1 waits for, as far as this login may know: of another role's session only its name and login.
SELECT b.pid, coalesce(a.application_name, '') AS application, coalesce(a.usename::text, '') AS login, a.xact_start AS since,
	coalesce((SELECT coalesce((SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c
				JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
				WHERE c.oid = l.relation AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())),
			l.locktype)
		FROM pg_catalog.pg_locks l WHERE l.pid = $1::integer AND NOT l.granted LIMIT 1), '') AS lock
FROM unnest(pg_catalog.pg_blocking_pids($1::integer)) b (pid)
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
ORDER BY b.pid
LIMIT 8
