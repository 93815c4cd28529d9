-- name: session
-- All calls wait for one that waits: what another transaction holds is left soon, and asked for again.
SELECT pg_catalog.set_config('lock_timeout', '50ms', false), pg_catalog.set_config('statement_timeout', '10s', false)

-- name: forget_plans
DISCARD PLANS

-- name: authenticate
-- $1: client_id, $2: SHA-256 of the secret, hex.
SELECT programme_id, generation, calls_per_minute, scopes
FROM api.authenticate($1::text, pg_catalog.decode($2::text, 'hex')) WHERE generation IS NOT NULL

-- name: redeem
-- An array for each of client, generation, request id, key, hash of the body, member, points, amount, merchant, type.
SELECT n, code, reason, pg_catalog.upper(external_reference::text) AS reference, again
FROM api.redeem($1::text[], $2::integer[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::bigint[], $8::text[], $9::text[],
	$10::integer[])

-- name: available
-- An array for each of client, generation, member.
SELECT n, code, points FROM api.available($1::text[], $2::integer[], $3::text[])

-- name: reverse
-- $1: client, $2: generation, $3: request id, $4: key, $5: hash of the body, hex, $6: member, $7: merchant, $8: reference.
SELECT code, reason, again FROM api.reverse($1::text, $2::integer, $3::text, $4::text, pg_catalog.decode($5::text, 'hex'), $6::text,
	$7::text, $8::uuid)

-- name: redemption
SELECT code, body::text AS body FROM api.redemption($1::text, $2::integer, $3::uuid)

-- name: request
SELECT code, body::text AS body FROM api.request_of_key($1::text, $2::integer, $3::text)

-- name: transactions
SELECT code, body::text AS body FROM api.transactions($1::text, $2::integer, $3::text, $4::bigint)

-- name: entries
-- $1: client, $2: generation, $3: categories, with commas, $4: partner, $5: member, $6: type, $7: merchant, $8: state, $9: from this day,
-- $10: to this day, $11: after this entry.
SELECT code, reason, body::text AS body
FROM api.entries($1::text, $2::integer, pg_catalog.string_to_array($3::text, ','), $4::text, $5::text, $6::integer, $7::text, $8::text,
	$9::date::timestamp AT TIME ZONE 'UTC', ($10::date + 1)::timestamp AT TIME ZONE 'UTC', $11::bigint)

-- name: in_force
-- $1: client, $2: generation.
SELECT api.in_force($1::text, $2::integer) AS in_force

-- name: authenticate_sender
-- $1: client_id, $2: SHA-256 of the secret, hex.
SELECT source, generation, calls_per_minute
FROM api.authenticate_sender($1::text, pg_catalog.decode($2::text, 'hex')) WHERE generation IS NOT NULL

-- name: source_of
-- $1: client, $2: generation.
SELECT api.source_of($1::text, $2::integer) AS source

-- name: receive
-- $1: client, $2: generation, $3: request id, $4: source, $5: name, $6: SHA-256, hex, $7: bytes.
SELECT code, id FROM api.receive($1::text, $2::integer, $3::text, $4::text, $5::text, pg_catalog.decode($6::text, 'hex'), $7::bigint)

-- name: file
SELECT code, body::text AS body FROM api.file($1::text, $2::integer, $3::uuid)

-- name: hand_over
-- $1: client, $2: generation, $3: request id, $4: member, $5: SHA-256 of the code, hex.
SELECT code, reason, address
FROM catalogue.hand_over($1::text, $2::integer, $3::text, $4::text, pg_catalog.decode($5::text, 'hex'))

-- name: exchange
-- $1: SHA-256 of the SSO token, hex, $2: request id, $3: of the code, $4: audience, $5: of the new auth_token.
SELECT code, reason, body::text AS body
FROM catalogue.exchange_code(pg_catalog.decode($1::text, 'hex'), $2::text, pg_catalog.decode($3::text, 'hex'), $4::text,
	pg_catalog.decode($5::text, 'hex'))

-- name: rate
-- $1: SHA-256 of the rate token, hex, $2: request id, $3: session.
SELECT code, reason, body::text AS body FROM catalogue.rate_of(pg_catalog.decode($1::text, 'hex'), $2::text, $3::uuid)

-- name: balance
-- $1: SHA-256 of the auth_token, hex, $2: the shop's name for the member.
SELECT code, reason, body::text AS body FROM catalogue.balance(pg_catalog.decode($1::text, 'hex'), $2::text)

-- name: profile
SELECT code, reason, body::text AS body FROM catalogue.profile(pg_catalog.decode($1::text, 'hex'), $2::text)

-- name: order
-- $1, $2: as above, $3: request id, $4: order, $5: points.
SELECT code, reason, body::text AS body, again
FROM catalogue.redeem(pg_catalog.decode($1::text, 'hex'), $2::text, $3::text, $4::text, $5::text)

-- name: refund
SELECT code, reason, body::text AS body, again
FROM catalogue.refund_order(pg_catalog.decode($1::text, 'hex'), $2::text, $3::text, $4::text, $5::text)

-- name: points
-- $1: a list of rows, as JSON.
SELECT n, code, reason, state, again FROM points.receive($1::jsonb)

-- name: points_hint
-- Behind the COMMIT of the requests, and by itself: one with a NOTIFY has all others with one wait until it is on the disk.  This is a
-- hint only, and need not get there.
SELECT pg_catalog.set_config('synchronous_commit', 'off', true), pg_catalog.pg_notify('handback_points', '')

-- name: points_of_key
SELECT code, body::text AS body FROM points.request_of_key($1::text, $2::integer, $3::text)

-- name: points_batch
-- $1: client, $2: generation, $3: the call, $4: the row behind which it goes on.
SELECT code, body::text AS body FROM points.batch($1::text, $2::integer, $3::uuid, $4::bigint)

-- name: delivery_keys
-- $1: programme.
SELECT pg_catalog.encode(k, 'hex') AS key FROM catalogue.delivery_keys($1::text) k

-- name: deliver
-- $1: programme, $2: request id, $3: the webhook's number, $4: its body.
SELECT code, reason, body::text AS body, again FROM catalogue.deliver($1::text, $2::text, $3::text, $4::text)
