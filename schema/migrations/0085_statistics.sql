-- What a ledger's first load or a large file adds is known to the planner, and to the index by file, before the next file is decided: not
-- only when autovacuum comes by, a minute later.

SET LOCAL ROLE handback_owner;

CREATE FUNCTION handback.refresh_statistics() RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
	grown regclass;
BEGIN
	PERFORM brin_summarize_new_values('handback.outcome_by_file');
	FOR grown IN
		SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname IN ('ledger', 'handback', 'audit') AND c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE')
			AND pg_relation_size(c.oid) > 8192 * greatest(64, 2 * c.relpages::bigint)
		ORDER BY 1
	LOOP
		EXECUTE format('ANALYZE %s', grown);
	END LOOP;
EXCEPTION WHEN lock_not_available THEN
	NULL; -- a vacuum or another worker is at it, and it is only a matter of speed
END
$$;
COMMENT ON FUNCTION handback.refresh_statistics() IS
	'Analyzes each table that is twice as large as when it was last looked at, and takes new outcomes into the index by file';
REVOKE ALL ON FUNCTION handback.refresh_statistics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.refresh_statistics() TO handback_daemon;
