-- Take the first of these roles that the login is a member of: the least that
-- will do comes first. No row: it is a member of none.
SELECT wanted.role, set_config('role', wanted.role, false)
FROM unnest($1::text[]) WITH ORDINALITY AS wanted (role, place)
JOIN pg_catalog.pg_roles ON rolname = wanted.role
WHERE pg_has_role(session_user, wanted.role, 'MEMBER')
ORDER BY wanted.place
LIMIT 1
