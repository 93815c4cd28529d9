-- name: credential_add
-- $1: client, $2: programme, $3: SHA-256 of the secret, hex, $4: calls in a minute, $5: points in a day, $6: scopes, with commas.
SELECT api.add_credential($1::text, $2::text, pg_catalog.decode($3::text, 'hex'), $4::integer, $5::bigint,
	pg_catalog.string_to_array($6::text, ',')) AS generation

-- name: sender_add
-- $1: client, $2: source, $3: SHA-256 of the secret, hex, $4: calls in a minute.
SELECT api.add_sender($1::text, $2::text, pg_catalog.decode($3::text, 'hex'), $4::integer) AS generation

-- name: credential_renew
-- $1: client, $2: SHA-256 of the new secret, hex; NULL: none.
SELECT api.renew($1::text, pg_catalog.decode($2::text, 'hex')) AS generation

-- name: credential_bound
-- $1: client, $2: calls in a minute, $3: points in a day, 0 for any; NULL: as it was, $4: why.
SELECT api.bound_credential($1::text, $2::integer, $3::bigint, $4::text) AS generation

-- name: policy_set
-- $1: programme, $2: least points, $3: amount, $4: unrouted, $5: is a key required?, NULL: as it was, $6: why.
SELECT api.set_policy($1::text, $2::bigint, $3::text, $4::text, $5::boolean, $6::text)

-- name: policies
-- $1: programme; NULL: all.
SELECT p.programme, p.minimum_points, p.amount, p.unrouted, CASE WHEN p.key_required THEN 'required' ELSE 'optional' END AS key
FROM api.policy p WHERE $1::text IS NULL OR p.programme = $1::text ORDER BY p.programme

-- name: credentials
SELECT c.client_id AS client, c.programme, NULL::text AS source, CASE WHEN c.revoked THEN 'revoked' ELSE 'in force' END AS state,
	c.generation, c.calls_per_minute, c.points_per_day, c.scopes, c.made_at, c.made_by
FROM api.credentials c
UNION ALL
SELECT s.client_id, NULL, s.source, CASE WHEN s.revoked THEN 'revoked' ELSE 'in force' END, s.generation, s.calls_per_minute, NULL,
	NULL, s.made_at, s.made_by
FROM api.senders s
ORDER BY client

-- name: route_add
-- $1: programme, $2: type, $3: partner, $4: merchant, $5: prefix.
SELECT api.add_route($1::text, $2::integer, $3::text, $4::text, $5::text) AS route

-- name: route_end
SELECT api.end_route($1::integer) AS route

-- name: routes
SELECT r.route_id AS route, p.code AS programme, r.transaction_type AS type, r.merchant, r.partner, r.prefix, r.valid_from AS "from",
	r.valid_until AS until
FROM api.route r JOIN api.programme_code p USING (programme_id)
ORDER BY r.valid_until IS NOT NULL, p.code, r.transaction_type, r.merchant NULLS LAST, r.valid_from DESC
