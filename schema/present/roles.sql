-- Who there is: the owner of all that follows, and the roles that programs and people log in with; and what keeps a table
-- append-only, whoever writes.

DO $$
DECLARE
	may_log_in text := CASE current_setting('handback.embedded', true) WHEN 'on' THEN 'LOGIN' ELSE 'NOLOGIN' END;
	before text := current_setting('role');
	role_name text;
	meaning text;
BEGIN
	-- a site may have made them itself, for one who migrates without CREATEROLE
	FOR role_name, meaning IN VALUES
		('handback_owner', 'handback: owns the schemas and migrates them; no program runs as it otherwise'),
		('handback_daemon', 'handback: reads files into the database; inserts, and never updates or deletes what is posted'),
		('handback_nightly', 'handback: the nightly run; expects files, matches again, confirms what is absent, purges old copies'),
		('handback_verify', 'handback: checks the proof, and changes nothing'),
		('handback_collector', 'handback: counts for the metrics what is held and late, and changes nothing'),
		('handback_api', 'handback: calls the functions of the redemption API, and reads no table'),
		('handback_outbox', 'handback: claims what targets are to be told and notes what came of it, and reads no table'),
		('handback_login', 'handback: makes links to the pages for people whom a proxy or a provider knows, and reads no table'),
		('handback_operator', 'handback: the people who decide what is held'),
		('handback_finance', 'handback: reads reports and the audit trail, changes nothing')
	LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
			EXECUTE format('CREATE ROLE %I %s', role_name, may_log_in);
			EXECUTE format('COMMENT ON ROLE %I IS %L', role_name, meaning);
		END IF;
	END LOOP;

	-- whoever migrates acts as the owner from here on: by the SET LOCAL ROLE below.
	-- Tried rather than asked: since PostgreSQL 16 a member is not always one who may.
	BEGIN
		SET LOCAL ROLE handback_owner;
		PERFORM set_config('role', before, true);
	EXCEPTION WHEN insufficient_privilege THEN
		EXECUTE format('GRANT handback_owner TO %I', current_user);
	END;
	EXECUTE format('GRANT CREATE ON DATABASE %I TO handback_owner', current_database());
	-- temporary tables: where a file's records are staged
	EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO handback_owner, handback_daemon, handback_nightly,'
		' handback_operator', current_database());
	EXECUTE format('GRANT CONNECT ON DATABASE %I TO handback_verify, handback_collector, handback_api, handback_outbox, handback_login, handback_finance', current_database());

	-- who decides reads as one who decides nothing
	IF NOT pg_has_role('handback_operator', 'handback_finance', 'MEMBER') THEN
		GRANT handback_finance TO handback_operator;
	END IF;
END
$$;

ALTER SCHEMA handback_schema OWNER TO handback_owner;
ALTER TABLE handback_schema.migration OWNER TO handback_owner;

SET LOCAL ROLE handback_owner;

-- a function is nobody's to call until a grant says whose
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

GRANT USAGE ON SCHEMA handback_schema TO handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify,
	handback_collector, handback_api, handback_outbox, handback_login;
GRANT SELECT ON handback_schema.migration TO handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify,
	handback_collector, handback_api, handback_outbox, handback_login;
COMMENT ON SCHEMA handback_schema IS 'Which migrations this database has had, and what they share';
COMMENT ON TABLE handback_schema.migration IS 'One row for each migration, in order; programs refuse to start on another list than their own';
COMMENT ON COLUMN handback_schema.migration.sha256 IS 'Of the file''s text: a file that was applied never changes';

-- The trigger of every append-only table. Grants keep other roles away; this stops the owner's own slip.
CREATE FUNCTION handback_schema.refuse_change() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE EXCEPTION '% on %.% is refused: it is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
		USING ERRCODE = 'insufficient_privilege',
			HINT = 'What was posted stays. A correction is a new row that answers the old one.';
END
$$;

-- CALL it once for each append-only table.
CREATE PROCEDURE handback_schema.make_append_only(relation regclass)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
		'FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change()', relation);
END
$$;
COMMENT ON FUNCTION handback_schema.refuse_change() IS 'Trigger: refuses UPDATE, DELETE and TRUNCATE, the owner''s too';
COMMENT ON PROCEDURE handback_schema.make_append_only(regclass) IS 'Puts the trigger append_only on a table';
