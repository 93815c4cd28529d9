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
