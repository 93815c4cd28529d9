-- name: web_link
-- $1: SHA-256 of what the link has, hex.
SELECT session_user::text AS person, handback.make_web_link(pg_catalog.decode($1::text, 'hex'))
