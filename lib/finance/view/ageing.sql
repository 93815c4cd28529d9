-- name: ageing_open
-- Open items by age at a moment, per partner, programme and currency: those on hold wait for us, the others for the partner,
-- past the SLA or not. $1 partner, $2 unused, $3 the moment (NULL: now), $4 by: redeemed or due.
-- Ages are of the redemption, or of the day on which its answer was due; terms are those of the last night before the moment.
-- What is open now is among ledger.maybe_open; what was at another moment, among all redemptions.
WITH moment AS (
	SELECT coalesce($3::timestamptz, transaction_timestamp()) AS at, coalesce($2::timestamptz, '-infinity') AS unused
), term AS MATERIALIZED (
	SELECT t.*, handback.answers_due_before(t.within_days, t.zone, m.at, t.holidays) AS due_before
	FROM moment m CROSS JOIN LATERAL (
		SELECT DISTINCT ON (source) * FROM handback.term WHERE since < m.at ORDER BY source, term_id DESC) t
	WHERE t.within_days > 0
), held AS MATERIALIZED (
	SELECT DISTINCT h.redemption_id
	FROM handback.hold_now h CROSS JOIN moment m
	WHERE h.redemption_id IS NOT NULL AND h.opened_at < m.at
		AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id AND e.ended_at < m.at)
), item AS (
	SELECT d.redemption_id, d.partner, d.programme, d.currency, d.points, d.amount, d.redeemed_at
	FROM ledger.redemption d CROSS JOIN moment m
	LEFT JOIN ledger.maybe_open w ON w.redemption_id = d.redemption_id
	WHERE ($3::timestamptz IS NOT NULL OR w.redemption_id IS NOT NULL) AND ($1::text IS NULL OR d.partner = $1) AND d.redeemed_at < m.at
		AND NOT EXISTS (SELECT FROM handback.outcome c WHERE c.redemption_id = d.redemption_id AND c.outcome = :OUTCOME_CONFIRMED
			AND c.decided_at < m.at)
		AND NOT EXISTS (SELECT FROM ledger.reversal r WHERE r.redemption_id = d.redemption_id AND r.posted_at < m.at)
), quarter AS (
	-- midnight of a zone is on a quarter of an hour: what depends on calendars is asked once for all of one
	SELECT i.partner, i.programme, i.currency, date_trunc('hour', i.redeemed_at) + interval '15 minutes' * (extract(minute FROM i.redeemed_at)::integer / 15) AS quarter, k.redemption_id IS NOT NULL AS held,
		CASE WHEN i.redeemed_at >= m.at - interval '8 days' THEN 1 WHEN i.redeemed_at >= m.at - interval '31 days' THEN 2
			WHEN i.redeemed_at >= m.at - interval '61 days' THEN 3 WHEN i.redeemed_at >= m.at - interval '91 days' THEN 4 ELSE 5 END AS age,
		count(*) AS items, sum(i.points) AS points, sum(i.amount) AS amount
	FROM item i CROSS JOIN moment m LEFT JOIN held k ON k.redemption_id = i.redemption_id
	GROUP BY i.partner, i.programme, i.currency, quarter, held, age
), due AS (
	SELECT d.*, t.term_id, d.quarter < t.due_before AS past,
		handback.business_days_after(d.quarter, t.within_days, t.zone, t.holidays) AS due_at
	FROM quarter d LEFT JOIN LATERAL (
		SELECT * FROM term t WHERE t.partner = d.partner AND (t.programme IS NULL OR t.programme = d.programme)
		ORDER BY t.programme NULLS LAST, t.term_id DESC LIMIT 1) t ON true
), aged AS (
	SELECT d.*, CASE WHEN $4::text = 'due' THEN CASE
			WHEN d.term_id IS NULL THEN 7 WHEN d.past IS NOT TRUE THEN 0
			WHEN d.due_at >= m.at - interval '8 days' THEN 1 WHEN d.due_at >= m.at - interval '31 days' THEN 2
			WHEN d.due_at >= m.at - interval '61 days' THEN 3 WHEN d.due_at >= m.at - interval '91 days' THEN 4 ELSE 5 END
		ELSE d.age END AS bucket
	FROM due d CROSS JOIN moment m
), bucket (n, age, title) AS (VALUES
	(0, 'not_due', 'Not due yet'), (1, '0-7', '0 to 7 days'), (2, '8-30', '8 to 30 days'), (3, '31-60', '31 to 60 days'),
	(4, '61-90', '61 to 90 days'), (5, 'over-90', 'Over 90 days'), (7, 'no_sla', 'No SLA')
)
SELECT a.partner, a.programme, a.currency, b.age, b.title, sum(a.items) AS items, sum(a.points) AS points,
	handback.major_units(sum(a.amount), a.currency) AS amount, sum(a.amount) AS minor_units,
	coalesce(sum(a.items) FILTER (WHERE a.held), 0) AS on_hold,
	coalesce(sum(a.points) FILTER (WHERE a.held), 0) AS on_hold_points,
	coalesce(sum(a.items) FILTER (WHERE NOT a.held AND a.past), 0) AS past_sla,
	coalesce(sum(a.points) FILTER (WHERE NOT a.held AND a.past), 0) AS past_sla_points,
	coalesce(sum(a.items) FILTER (WHERE NOT a.held AND a.past IS NOT TRUE), 0) AS in_time,
	coalesce(sum(a.points) FILTER (WHERE NOT a.held AND a.past IS NOT TRUE), 0) AS in_time_points
FROM aged a JOIN bucket b ON b.n = a.bucket
GROUP BY a.partner, a.programme, a.currency, b.n, b.age, b.title
ORDER BY a.partner, a.programme, a.currency, b.n

-- name: ageing_owners
-- Who looks into what is on hold at a moment, per partner and reason: the oldest first. $1 partner, $3 the moment.
WITH moment AS (
	SELECT coalesce($3::timestamptz, transaction_timestamp()) AS at, coalesce($2::timestamptz, '-infinity') AS unused
), held AS (
	SELECT h.*, f.partner_id, row_number() OVER (PARTITION BY coalesce(h.redemption_id, -h.hold_id) ORDER BY h.hold_id) = 1 AS counts,
		(SELECT n.assigned FROM handback.hold_note n WHERE n.hold_id = h.hold_id AND n.assigned IS NOT NULL AND n.at < m.at
			ORDER BY n.note_id DESC LIMIT 1) AS owner
	FROM handback.hold_now h CROSS JOIN moment m
	JOIN handback.file f USING (file_id)
	WHERE h.opened_at < m.at
		AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id AND e.ended_at < m.at)
)
SELECT h.owner, p.code AS partner, h.reason, count(*) AS holds, coalesce(sum(h.points) FILTER (WHERE h.counts), 0) AS points,
	min(h.opened_at) AS oldest, floor(extract(epoch FROM m.at - min(h.opened_at)) / 86400)::bigint AS days, r.action_required
FROM held h CROSS JOIN moment m
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason r USING (reason)
WHERE $1::text IS NULL OR p.code = $1
GROUP BY h.owner, p.code, h.reason, m.at, r.action_required
ORDER BY oldest, p.code, h.reason

-- name: ageing_rows
-- The open items behind a figure, the oldest first. $1 partner, $3 the moment, $4 figure, $5 at most so many.
WITH moment AS (
	SELECT coalesce($3::timestamptz, transaction_timestamp()) AS at, coalesce($2::timestamptz, '-infinity') AS unused
), term AS MATERIALIZED (
	SELECT t.*, handback.answers_due_before(t.within_days, t.zone, m.at, t.holidays) AS due_before
	FROM moment m CROSS JOIN LATERAL (
		SELECT DISTINCT ON (source) * FROM handback.term WHERE since < m.at ORDER BY source, term_id DESC) t
	WHERE t.within_days > 0
), held AS MATERIALIZED (
	SELECT DISTINCT ON (h.redemption_id) h.redemption_id, h.hold_id, h.reason, n.assigned AS owner, c.comment
	FROM handback.hold_now h CROSS JOIN moment m
	LEFT JOIN LATERAL (SELECT assigned FROM handback.hold_note n WHERE n.hold_id = h.hold_id AND n.assigned IS NOT NULL AND n.at < m.at
		ORDER BY n.note_id DESC LIMIT 1) n ON true
	LEFT JOIN LATERAL (SELECT comment FROM handback.hold_note n WHERE n.hold_id = h.hold_id AND n.comment IS NOT NULL AND n.at < m.at
		ORDER BY n.note_id DESC LIMIT 1) c ON true
	WHERE h.redemption_id IS NOT NULL AND h.opened_at < m.at
		AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id AND e.ended_at < m.at)
	ORDER BY h.redemption_id, n.assigned IS NULL, h.hold_id
), item AS (
	SELECT d.*, floor(extract(epoch FROM m.at - d.redeemed_at) / 86400)::bigint AS days, k.hold_id, k.reason, k.owner, k.comment,
		d.redeemed_at < t.due_before AS past, t.term_id, t.within_days, t.zone, t.holidays
	FROM ledger.redemption d CROSS JOIN moment m
	LEFT JOIN ledger.maybe_open w ON w.redemption_id = d.redemption_id
	LEFT JOIN held k ON k.redemption_id = d.redemption_id
	LEFT JOIN LATERAL (
		SELECT * FROM term t WHERE t.partner = d.partner AND (t.programme IS NULL OR t.programme = d.programme)
		ORDER BY t.programme NULLS LAST, t.term_id DESC LIMIT 1) t ON true
	WHERE ($3::timestamptz IS NOT NULL OR w.redemption_id IS NOT NULL) AND ($1::text IS NULL OR d.partner = $1) AND d.redeemed_at < m.at
		AND NOT EXISTS (SELECT FROM handback.outcome c WHERE c.redemption_id = d.redemption_id AND c.outcome = :OUTCOME_CONFIRMED
			AND c.decided_at < m.at)
		AND NOT EXISTS (SELECT FROM ledger.reversal r WHERE r.redemption_id = d.redemption_id AND r.posted_at < m.at)
)
SELECT i.redeemed_at AS redeemed, i.days, i.partner, i.programme, i.redemption_id, i.external_reference, i.member, i.merchant,
	i.points, i.currency, handback.major_units(i.amount, i.currency) AS amount,
	CASE WHEN i.term_id IS NOT NULL THEN handback.business_days_after(i.redeemed_at, i.within_days, i.zone, i.holidays) END AS due,
	i.hold_id AS hold, i.reason, i.owner, i.comment
FROM item i CROSS JOIN moment m
WHERE CASE $4::text
	WHEN '0-7' THEN i.redeemed_at >= m.at - interval '8 days'
	WHEN '8-30' THEN i.redeemed_at < m.at - interval '8 days' AND i.redeemed_at >= m.at - interval '31 days'
	WHEN '31-60' THEN i.redeemed_at < m.at - interval '31 days' AND i.redeemed_at >= m.at - interval '61 days'
	WHEN '61-90' THEN i.redeemed_at < m.at - interval '61 days' AND i.redeemed_at >= m.at - interval '91 days'
	WHEN 'over-90' THEN i.redeemed_at < m.at - interval '91 days'
	WHEN 'on_hold' THEN i.hold_id IS NOT NULL
	WHEN 'past_sla' THEN i.hold_id IS NULL AND i.past
	WHEN 'in_time' THEN i.hold_id IS NULL AND i.past IS NOT TRUE
	WHEN 'nobody' THEN i.hold_id IS NOT NULL AND i.owner IS NULL
	ELSE true END
ORDER BY i.redeemed_at, i.redemption_id
LIMIT $5::bigint
