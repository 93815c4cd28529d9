-- name: points_open
-- Points that partners were asked for and had not answered at a moment, by age and owner. $1 partner, $3 the moment.
WITH moment AS (
	SELECT coalesce($3::timestamptz, transaction_timestamp()) AS at, coalesce($2::timestamptz, '-infinity') AS unused
), item AS (
	SELECT b.batch_no, b.programme_id, b.partner, r.points, s.started_at, CASE WHEN s.started_at >= m.at - interval '1 day' THEN 0
		WHEN s.started_at >= m.at - interval '8 days' THEN 1 WHEN s.started_at >= m.at - interval '31 days' THEN 2 ELSE 3 END AS age,
		CASE WHEN b.target IS NULL THEN NOT EXISTS (SELECT FROM points.batch_step w WHERE w.batch_no = b.batch_no AND w.step = 'placed' AND w.at < m.at)
			ELSE EXISTS (SELECT FROM points.unsettled u WHERE u.request_no = s.request_no AND u.nth = s.nth AND u.state <> 'pending') END AS unknown
	FROM moment m CROSS JOIN points.sending s
	JOIN points.batch b ON b.batch_no = s.batch_no
	JOIN points.request r ON r.request_no = s.request_no
	WHERE ($1::text IS NULL OR b.partner = $1) AND s.started_at < m.at
		AND NOT EXISTS (SELECT FROM points.batch_end e WHERE e.batch_no = b.batch_no AND e.ended_at < m.at)
		AND NOT EXISTS (SELECT FROM points.sending_end e WHERE e.request_no = s.request_no AND e.nth = s.nth
			AND e.result IN ('not_sent', 'credited') AND e.ended_at < m.at)
		AND NOT EXISTS (SELECT FROM handback.outcome c WHERE c.redemption_id = r.entry_id AND c.outcome = :OUTCOME_CONFIRMED
			AND c.decided_at < m.at)
		AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.entry_id AND v.posted_at < m.at)
), bucket (n, age, title) AS (VALUES (0, '0-1', 'Up to a day'), (1, '1-7', '1 to 7 days'), (2, '8-30', '8 to 30 days'), (3, 'over-30', 'Over 30 days'))
SELECT i.partner, o.programme, k.age, k.title, count(*) AS requests, sum(i.points) AS points, coalesce(sum(i.points) FILTER (WHERE i.unknown), 0) AS unknown,
	o.owner, min(i.started_at) AS since, count(DISTINCT i.batch_no) AS batches
FROM item i
JOIN points.batch_owner_now o USING (batch_no)
JOIN bucket k ON k.n = i.age
GROUP BY i.partner, o.programme, k.n, k.age, k.title, o.owner
ORDER BY i.partner, o.programme, k.n DESC, o.owner

-- name: points_accounts
-- The control accounts of the batches that are open at a moment, as they are now. $1 partner, $3 the moment.
WITH moment AS (
	SELECT coalesce($3::timestamptz, transaction_timestamp()) AS at, coalesce($2::timestamptz, '-infinity') AS unused
)
SELECT b.batch_no AS batch, b.partner, b.programme, b.sequence AS number, b.opened_at AS opened, b.requests, b.requested, b.sent, b.credited, b.rejected,
	b.reversed, b.unknown, b.open, b.requested - b.credited - b.reversed - b.open AS difference, o.owner
FROM points.batches b CROSS JOIN moment m
JOIN points.batch_owner_now o USING (batch_no)
WHERE ($1::text IS NULL OR b.partner = $1) AND b.opened_at < m.at AND (b.ended_at IS NULL OR b.ended_at >= m.at)
ORDER BY b.opened_at, b.batch_no

-- name: points_rows
-- The requests behind a figure, the oldest first. $1 partner, $3 the moment, $4 figure, $5 at most so many.
WITH moment AS (
	SELECT coalesce($3::timestamptz, transaction_timestamp()) AS at, coalesce($2::timestamptz, '-infinity') AS unused
)
SELECT s.started_at AS sent, floor(extract(epoch FROM m.at - s.started_at) / 86400)::bigint AS days, b.partner, b.batch_no AS batch, r.request_key AS key,
	d.outbound_reference, d.external_reference, r.points, o.owner
FROM moment m CROSS JOIN points.sending s
JOIN points.batch b ON b.batch_no = s.batch_no
JOIN points.request r ON r.request_no = s.request_no
JOIN points.batch_owner_now o ON o.batch_no = b.batch_no
LEFT JOIN ledger.redemption d ON d.redemption_id = r.entry_id
WHERE ($1::text IS NULL OR b.partner = $1) AND s.started_at < m.at
	AND NOT EXISTS (SELECT FROM points.sending_end e WHERE e.request_no = s.request_no AND e.nth = s.nth
		AND e.result IN ('not_sent', 'credited') AND e.ended_at < m.at)
	AND NOT EXISTS (SELECT FROM handback.outcome c WHERE c.redemption_id = r.entry_id AND c.outcome = :OUTCOME_CONFIRMED AND c.decided_at < m.at)
	AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.entry_id AND v.posted_at < m.at)
	AND CASE $4::text
		WHEN '0-1' THEN s.started_at >= m.at - interval '1 day'
		WHEN '1-7' THEN s.started_at < m.at - interval '1 day' AND s.started_at >= m.at - interval '8 days'
		WHEN '8-30' THEN s.started_at < m.at - interval '8 days' AND s.started_at >= m.at - interval '31 days'
		WHEN 'over-30' THEN s.started_at < m.at - interval '31 days'
		ELSE true END
ORDER BY s.started_at, s.request_no
LIMIT $5::bigint
