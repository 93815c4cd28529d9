-- What kind of server answered; read right after db_settings.sql.
SELECT
	pg_catalog.current_setting('server_version_num') AS version,
	pg_catalog.pg_is_in_recovery() AS standby,
	pg_catalog.current_setting('transaction_read_only') AS read_only,
	pg_catalog.current_setting('synchronous_commit') AS synchronous_commit,
	pg_catalog.current_setting('fsync', true) AS fsync,
	pg_catalog.current_setting('server_encoding') AS encoding,
	pg_catalog.pg_backend_pid() AS backend,
	-- which server this is: its cluster, and the timeline that a promotion changes
	CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
		THEN (SELECT system_identifier FROM pg_catalog.pg_control_system()) END AS system_identifier,
	CASE WHEN NOT pg_catalog.pg_is_in_recovery()
			AND pg_catalog.has_function_privilege('pg_catalog.pg_walfile_name(pg_lsn)', 'EXECUTE')
			AND pg_catalog.has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'EXECUTE')
		THEN pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END AS timeline
