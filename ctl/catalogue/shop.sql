-- name: catalogue_holds
-- $1: those that were closed, instead of those that wait.
SELECT h.hold_id AS hold, h.programme, h.order_id AS "order", h.kind, h.stated, h.detail, h.opened_at AS opened, h.ended_at AS ended,
	h.ended_by, h.why
FROM catalogue.holds h WHERE (h.ended_at IS NOT NULL) = $1::boolean ORDER BY h.hold_id

-- name: catalogue_close
SELECT catalogue.close_hold($1::integer, $2::text) AS event, $1::integer AS number

-- name: token_rotate
-- $1: programme, $2: SHA-256 of the token, hex, $3: scope, $4: days.
SELECT catalogue.rotate_token($1::text, $3::text, pg_catalog.decode($2::text, 'hex'), coalesce($4::integer, 90)) AS generation

-- name: token_key
-- $1: programme, $2: public key, hex.
SELECT catalogue.add_delivery_key($1::text, pg_catalog.decode($2::text, 'hex')) AS number

-- name: tokens
SELECT t.programme, t.scope, t.generation, t.state, t.made_at, t.made_by, t.expires_at
FROM catalogue.tokens t ORDER BY t.programme, t.scope, t.generation DESC
