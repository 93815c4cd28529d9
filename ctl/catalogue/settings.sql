-- name: catalogue_propose
-- $1: programme, $2: why, $3: points, $4: for so many units of currency, $5: minimum balance, $6: shop, $7: address,
-- $8: permitted, with commas, $9: from when, $10: until when.
SELECT catalogue.propose($1::text, $2::text, $3::bigint, $4::bigint, $5::bigint, $6::text, $7::text,
	pg_catalog.string_to_array($8::text, ','), $9::timestamptz, $10::timestamptz) AS number

-- name: catalogue_approve
SELECT catalogue.approve($1::integer, $2::text) AS event, $1::integer AS number

-- name: catalogue_reject
SELECT catalogue.reject($1::integer, $2::text) AS event, $1::integer AS number

-- name: catalogue_settings
SELECT s.setting_id AS setting, s.programme, s.state, s.rate_points, s.rate_minor, s.currency, s.minimum_balance, s.shop, s.address,
	s.permitted, s.valid_from, s.valid_until, s.why, s.proposed_at, s.proposed_by, s.ended_at, s.ended_by, s.answer
FROM catalogue.settings s
ORDER BY pg_catalog.array_position(ARRAY['in force', 'to come', 'proposed'], s.state) NULLS LAST, s.setting_id DESC
