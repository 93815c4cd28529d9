-- name: roll_forward
-- Open items from the beginning of a period to its end, per partner, programme and currency. $1 partner, $2 from, $3 to.
-- What was answered twice (confirmed, and reversed later) was no open item the second time: it is added back, as a correction.
-- ledger: what is open at the end, by unlike SQL; a difference to the closing is a line of its own.
WITH item AS (
	SELECT h.partner, h.programme, h.currency, h.points, h.amount, h.redeemed_at, h.confirmed_at, h.reversed_at, h.reversed_how,
		h.reinstated_at, h.credited_at,
		-- infinity: open still; least() and greatest() pass over NULL
		coalesce(least(h.confirmed_at, h.reversed_at), 'infinity') AS closed_at,
		CASE WHEN h.confirmed_at IS NOT NULL AND h.reversed_at IS NOT NULL THEN greatest(h.confirmed_at, h.reversed_at) END AS again_at
	FROM handback.redemption_history h
	WHERE ($1::text IS NULL OR h.partner = $1) AND h.redeemed_at < coalesce($3::timestamptz, 'infinity')
), marked AS (
	-- which figures an item counts in, as bits: few combinations, so that a million items are one pass and few groups
	SELECT i.partner, i.programme, i.currency, count(*) AS items, sum(i.points) AS points, sum(i.amount) AS amount,
		CASE WHEN i.redeemed_at < p.begins AND i.closed_at >= p.begins THEN 2 ELSE 0 END
		+ CASE WHEN i.redeemed_at >= p.begins THEN 4 ELSE 0 END
		+ CASE WHEN i.confirmed_at >= p.begins AND i.confirmed_at < p.ends THEN 8 ELSE 0 END
		+ CASE WHEN i.reversed_at >= p.begins AND i.reversed_at < p.ends THEN CASE i.reversed_how
			WHEN 'file' THEN 16 WHEN 'people' THEN 32 WHEN 'application' THEN 64 ELSE 0 END ELSE 0 END
		+ CASE WHEN i.again_at >= p.begins AND i.again_at < p.ends THEN 128 ELSE 0 END
		+ CASE WHEN i.reinstated_at >= p.begins AND i.reinstated_at < p.ends THEN 2048 ELSE 0 END
		+ CASE WHEN i.credited_at >= p.begins AND i.credited_at < p.ends THEN 4096 ELSE 0 END AS marks
	FROM item i, (SELECT coalesce($2::timestamptz, '-infinity') AS begins, coalesce($3::timestamptz, 'infinity') AS ends) p
	GROUP BY i.partner, i.programme, i.currency, marks
), moved AS (
	SELECT k.partner, k.programme, k.currency, n, sum(k.items) AS items, sum(k.points) AS points, sum(k.amount) AS amount
	FROM marked k CROSS JOIN generate_series(1, 12) n
	WHERE k.marks & (1 << n) <> 0
	GROUP BY k.partner, k.programme, k.currency, n
), ledger AS (
	SELECT d.partner, d.programme, d.currency, 9 AS n, count(*) AS items, sum(d.points) AS points, sum(d.amount) AS amount
	FROM ledger.redemption d
	WHERE ($1::text IS NULL OR d.partner = $1) AND d.redeemed_at < coalesce($3::timestamptz, 'infinity')
		AND NOT EXISTS (SELECT FROM handback.outcome c WHERE c.redemption_id = d.redemption_id AND c.outcome = :OUTCOME_CONFIRMED
			AND c.decided_at < coalesce($3::timestamptz, 'infinity'))
		AND NOT EXISTS (SELECT FROM ledger.reversal r WHERE r.redemption_id = d.redemption_id
			AND r.posted_at < coalesce($3::timestamptz, 'infinity'))
	GROUP BY d.partner, d.programme, d.currency
), account AS (
	SELECT partner, programme, currency FROM moved UNION SELECT partner, programme, currency FROM ledger
), figure (n, figure, title, sign) AS (VALUES
	(1, 'opening', 'Opening', 1), (2, 'debits', 'Debits', 1), (3, 'confirmed', 'Confirmed', -1),
	(4, 'reversed_by_file', 'Reversed by file', -1), (5, 'reversed_by_people', 'Reversed by people', -1),
	(6, 'reversed_by_application', 'Reversed by the application', -1), (7, 'corrections', 'Corrections: confirmed and reversed', 1)
), line AS (
	SELECT a.*, f.n, f.figure, f.title, f.sign * coalesce(m.items, 0) AS items, f.sign * coalesce(m.points, 0) AS points,
		f.sign * coalesce(m.amount, CASE WHEN a.currency IS NOT NULL THEN 0 END) AS amount
	FROM account a CROSS JOIN figure f
	LEFT JOIN moved m ON (m.partner, m.programme, m.currency, m.n) IS NOT DISTINCT FROM (a.partner, a.programme, a.currency, f.n)
), closing AS (
	SELECT partner, programme, currency, sum(items) AS items, sum(points) AS points, sum(amount) AS amount
	FROM line GROUP BY partner, programme, currency
), proof AS (
	SELECT c.*, coalesce(l.items, 0) AS l_items, coalesce(l.points, 0) AS l_points,
		coalesce(l.amount, CASE WHEN c.currency IS NOT NULL THEN 0 END) AS l_amount
	FROM closing c
	LEFT JOIN ledger l ON (l.partner, l.programme, l.currency) IS NOT DISTINCT FROM (c.partner, c.programme, c.currency)
)
SELECT partner, programme, currency, figure, title, items, points, handback.major_units(amount, currency) AS amount,
	amount AS minor_units
FROM (
	SELECT partner, programme, currency, n, figure, title, items, points, amount FROM line
	UNION ALL
	SELECT partner, programme, currency, 8, 'closing', 'Closing', items, points, amount FROM closing
	UNION ALL
	SELECT partner, programme, currency, 9, 'ledger', 'Open by the ledger', l_items, l_points, l_amount FROM proof
	UNION ALL
	SELECT partner, programme, currency, 10, 'difference', 'Difference', l_items - items, l_points - points, l_amount - amount
	FROM proof
	UNION ALL
	SELECT partner, programme, currency, n, CASE n WHEN 11 THEN 'reinstated' ELSE 'credited' END,
		CASE n WHEN 11 THEN 'Reinstated (not open)' ELSE 'Credited after reinstatement (not open)' END, items, points, amount
	FROM moved WHERE n > 10
) every_line
ORDER BY partner, programme, currency, n

-- name: roll_forward_rows
-- The redemptions behind one figure, in order of time. $1 partner, $2 from, $3 to, $4 figure, $5 at most so many.
WITH period AS (
	SELECT coalesce($2::timestamptz, '-infinity') AS begins, coalesce($3::timestamptz, 'infinity') AS ends
), item AS (
	SELECT h.*, coalesce(least(h.confirmed_at, h.reversed_at), 'infinity') AS closed_at,
		CASE $4::text
			WHEN 'confirmed' THEN h.confirmed_at
			WHEN 'reversed_by_file' THEN CASE WHEN h.reversed_how = 'file' THEN h.reversed_at END
			WHEN 'reversed_by_people' THEN CASE WHEN h.reversed_how = 'people' THEN h.reversed_at END
			WHEN 'reversed_by_application' THEN CASE WHEN h.reversed_how = 'application' THEN h.reversed_at END
			WHEN 'difference' THEN CASE WHEN h.reversed_how = 'unexplained' THEN h.reversed_at END
			WHEN 'corrections' THEN CASE WHEN h.confirmed_at IS NOT NULL AND h.reversed_at IS NOT NULL
				THEN greatest(h.confirmed_at, h.reversed_at) END
			WHEN 'reinstated' THEN h.reinstated_at
			WHEN 'credited' THEN h.credited_at
			ELSE h.redeemed_at
		END AS at
	FROM handback.redemption_history h, period p
	WHERE ($1::text IS NULL OR h.partner = $1) AND h.redeemed_at < p.ends
)
SELECT i.at, i.partner, i.programme, i.redemption_id, i.external_reference, i.member, i.merchant, i.transaction_type, i.points,
	i.currency, handback.major_units(i.amount, i.currency) AS amount, i.redeemed_at AS redeemed,
	CASE WHEN $4 = 'confirmed' THEN i.confirmed_file WHEN $4 IN ('reversed_by_file', 'reversed_by_people', 'corrections')
		THEN i.reversed_file END AS file,
	CASE WHEN $4 = 'confirmed' THEN i.confirmed_record WHEN $4 IN ('reversed_by_file', 'reversed_by_people', 'corrections')
		THEN i.reversed_record END AS record,
	CASE WHEN $4 LIKE 'reversed%' OR $4 IN ('corrections', 'difference') THEN i.reversed_by END AS posted_by
FROM item i, period p
WHERE CASE
	WHEN $4 = 'opening' THEN i.redeemed_at < p.begins AND i.closed_at >= p.begins
	WHEN $4 IN ('closing', 'ledger') THEN i.closed_at >= p.ends
	ELSE i.at >= p.begins AND i.at < p.ends END
ORDER BY i.at, i.redemption_id
LIMIT $5::bigint
