-- name: database_exists
SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1::text) AS has

-- name: database_create
-- The database of an embedded cluster, which is only ours.
CREATE DATABASE handback TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'

-- name: role
-- Take the first of these roles that the login is a member of: the least that
-- will do comes first. No row: it is a member of none.
SELECT wanted.role, set_config('role', wanted.role, false)
FROM unnest($1::text[]) WITH ORDINALITY AS wanted (role, place)
JOIN pg_catalog.pg_roles ON rolname = wanted.role
WHERE pg_has_role(session_user, wanted.role, 'MEMBER')
ORDER BY wanted.place
LIMIT 1
