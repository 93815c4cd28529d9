-- name: transactions
-- $1 programme, $2 categories, $3 partner, $4 member, $5 type, $6 merchant, $7 state, $8 from, $9 to, $10 points at least, $11 at most,
-- $12 after this entry, $13 so many.
SELECT t.entry_id AS entry, t.posted_at AS at, t.programme, t.member, t.category, t.points, t.change, t.merchant, t.partner,
	t.transaction_type AS type, handback.major_units(t.amount, t.currency) AS amount, t.amount AS minor_units, t.currency, t.state,
	t.reference, t.redemption, t.order_id AS order
FROM ledger.transactions($1::text, pg_catalog.string_to_array($2::text, ','), $3::text, $4::text, $5::integer, $6::text, $7::text,
	$8::timestamptz, $9::timestamptz, $10::bigint, $11::bigint, $12::bigint, $13::integer) t

-- name: transaction_sums
-- $1 to $11 as above.
SELECT s.of_programme AS programme, s.category, s.entries, s.points, s.change
FROM ledger.transaction_sums($1::text, pg_catalog.string_to_array($2::text, ','), $3::text, $4::text, $5::integer, $6::text, $7::text,
	$8::timestamptz, $9::timestamptz, $10::bigint, $11::bigint) s

-- name: transaction_balances
-- $1 programme.
SELECT u.of_programme AS programme, u.entries, u.balances FROM ledger.unbalanced($1::text) u

-- name: transaction_categories
SELECT c::text AS category FROM unnest(enum_range(NULL::ledger.category)) c
