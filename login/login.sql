-- name: bounds
-- Everybody waits while one link is made.
SELECT pg_catalog.set_config('statement_timeout', '5s', false)

-- name: link
-- $1 its hash, hex; $2 whose; $3 by which way; $4 as whom they were named there; $5 in which of these roles; $6 when they
-- showed it, in seconds since 1970, or NULL.
SELECT handback.make_web_link_for(pg_catalog.decode($1::text, 'hex'), $2::text, $3::text, $4::text, $5::text[],
	pg_catalog.to_timestamp($6::bigint)) AS made
