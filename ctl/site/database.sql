-- name: database_missing
-- What a site lacks, each as the statement that makes it and the one that takes it back.
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C'' LC_CTYPE ''C''', $1::text) AS statement,
	format('DROP DATABASE %I', $1::text) AS undo
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1::text)

-- name: logins_missing
-- $1 and $2: logins and the role of each, separated by commas.
WITH wanted AS (SELECT * FROM unnest(string_to_array($1::text, ','), string_to_array($2::text, ',')) AS w (login, role))
SELECT s.statement, s.undo FROM (
	SELECT DISTINCT 1 AS n, w.login, format('CREATE ROLE %I LOGIN', w.login) AS statement, format('DROP ROLE %I', w.login) AS undo
	FROM wanted w WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = w.login)
	UNION ALL
	SELECT 2, w.login, format('GRANT %I TO %I', w.role, w.login), format('REVOKE %I FROM %I', w.role, w.login)
	FROM wanted w WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
		JOIN pg_catalog.pg_roles l ON l.oid = m.member WHERE g.rolname = w.role AND l.rolname = w.login)) s
ORDER BY s.login, s.n, s.statement

-- name: roles_missing
-- What the service's login has to be a member of and is not; NULL: nothing.
SELECT session_user AS login, string_agg(w.role, ', ') AS missing,
	EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname IN ('handback_finance', 'handback_operator') AND pg_has_role(r.oid, 'MEMBER')) AS is_person
FROM unnest(ARRAY['handback_daemon', 'handback_nightly', 'handback_verify', 'handback_collector']) AS w (role)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = w.role AND pg_has_role(r.oid, 'MEMBER'))

-- name: guards_off
-- What of our tables' guards is switched off, and the statement that brings it back.
SELECT format('the trigger %s of %s is disabled', t.tgname, t.tgrelid::regclass) AS what,
	format('ALTER TABLE %s ENABLE TRIGGER %I', t.tgrelid::regclass, t.tgname) AS repair
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
WHERE t.tgenabled NOT IN ('O', 'A') AND pg_get_userbyid(c.relowner) = 'handback_owner'
UNION ALL
SELECT format('the unique index %s is not valid', i.indexrelid::regclass), format('REINDEX INDEX %s', i.indexrelid::regclass)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
WHERE i.indisunique AND NOT (i.indisvalid AND i.indisready) AND pg_get_userbyid(c.relowner) = 'handback_owner'
ORDER BY 1
LIMIT 20

-- name: settings_wrong
-- Settings of the server that cost what was written, or that slow it down more each day.
SELECT s.name, s.setting, w.what,
	format('ALTER SYSTEM SET %I = %L; SELECT pg_reload_conf()', s.name, w.better) AS repair
FROM (VALUES
	('full_page_writes', 'off', 'on', 'a page that is half written when the power goes is lost'),
	('autovacuum', 'off', 'on', 'tables are never cleaned and plans go by old statistics'),
	('track_counts', 'off', 'on', 'autovacuum does nothing without it'),
	('log_statement', 'all', 'none', 'what members do is written into the server''s log')) w (name, bad, better, what)
JOIN pg_catalog.pg_settings s ON s.name = w.name AND s.setting = w.bad
ORDER BY s.name

-- name: clock
-- The server's clock, in microseconds since 1970.
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us

-- name: targets_any
-- Is some other system told?
SELECT EXISTS (SELECT FROM handback.target_status) AS some
