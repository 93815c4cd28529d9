-- name: trend_points
-- Day by day (week, month): what came, what was answered, what is open at its end, and how much more that is than at the end of
-- the one before, and of the same day a week before. $1 partner, $2 from, $3 to, $4 day, week or month.
WITH bounds AS (
	SELECT date_trunc($4::text, $2::timestamptz) AS begins, coalesce($3::timestamptz, transaction_timestamp()) AS ends
), history AS MATERIALIZED (
	SELECT h.programme, h.points, h.redeemed_at, h.confirmed_at, h.reversed_at,
		coalesce(least(h.confirmed_at, h.reversed_at), 'infinity') AS closed_at
	FROM handback.redemption_history h CROSS JOIN bounds b
	WHERE ($1::text IS NULL OR h.partner = $1) AND h.redeemed_at < b.ends
), moved AS (
	SELECT programme, date_trunc($4, at) AS day, sum(debits) AS debits, sum(debit_points) AS debit_points, sum(closed) AS closed,
		sum(closed_points) AS closed_points
	FROM (
		SELECT h.programme, date_trunc('hour', h.redeemed_at) AS at, count(*) AS debits, sum(h.points) AS debit_points, 0 AS closed, 0 AS closed_points
		FROM history h GROUP BY h.programme, 2
		UNION ALL
		SELECT h.programme, date_trunc('hour', h.closed_at), 0, 0, count(*), sum(h.points)
		FROM history h CROSS JOIN bounds b WHERE h.closed_at < b.ends GROUP BY h.programme, 2
	) each
	GROUP BY programme, day
), answered AS (
	SELECT programme, date_trunc($4, at) AS day, sum(confirmed) AS confirmed, sum(reversed) AS reversed
	FROM (
		SELECT h.programme, date_trunc('hour', h.confirmed_at) AS at, sum(h.points) AS confirmed, 0 AS reversed
		FROM history h CROSS JOIN bounds b WHERE h.confirmed_at < b.ends GROUP BY h.programme, 2
		UNION ALL
		SELECT h.programme, date_trunc('hour', h.reversed_at), 0, sum(h.points)
		FROM history h CROSS JOIN bounds b WHERE h.reversed_at < b.ends GROUP BY h.programme, 2
	) each
	GROUP BY programme, day
), programme AS (
	SELECT DISTINCT programme FROM history
), series AS (
	-- a week more at the beginning, so that the first day has one to be compared with
	SELECT p.programme, s AS day
	FROM programme p CROSS JOIN bounds b
	CROSS JOIN generate_series(coalesce(b.begins, (SELECT date_trunc($4, min(redeemed_at)) FROM history)) - CASE $4 WHEN 'day' THEN interval '7 days'
		WHEN 'week' THEN interval '7 days' ELSE interval '1 month' END, b.ends - interval '1 microsecond', ('1 ' || $4)::interval) s
), before AS (
	SELECT m.programme, sum(m.debits - m.closed) AS items, sum(m.debit_points - m.closed_points) AS points
	FROM moved m WHERE m.day < (SELECT min(day) FROM series) GROUP BY m.programme
), line AS (
	SELECT s.programme, s.day, coalesce(m.debits, 0) AS debits, coalesce(m.debit_points, 0) AS debit_points,
		coalesce(a.confirmed, 0) AS confirmed, coalesce(a.reversed, 0) AS reversed, coalesce(m.closed, 0) AS closed,
		coalesce(b.items, 0) + sum(coalesce(m.debits, 0) - coalesce(m.closed, 0)) OVER w AS open,
		coalesce(b.points, 0) + sum(coalesce(m.debit_points, 0) - coalesce(m.closed_points, 0)) OVER w AS open_points
	FROM series s
	LEFT JOIN moved m ON (m.programme, m.day) = (s.programme, s.day)
	LEFT JOIN answered a ON (a.programme, a.day) = (s.programme, s.day)
	LEFT JOIN before b ON b.programme = s.programme
	WINDOW w AS (PARTITION BY s.programme ORDER BY s.day)
), compared AS (
	SELECT l.*, l.open_points - lag(l.open_points) OVER w AS change, CASE $4 WHEN 'day' THEN l.open_points - lag(l.open_points, 7) OVER w END AS week
	FROM line l
	WINDOW w AS (PARTITION BY l.programme ORDER BY l.day)
)
SELECT c.day::date::text AS day, c.programme, c.debits, c.debit_points, c.confirmed, c.reversed, c.open, c.open_points, c.change, c.week
FROM compared c CROSS JOIN bounds b
WHERE b.begins IS NULL OR c.day >= b.begins
ORDER BY c.programme, c.day

-- name: trend_work
-- Day by day (week, month) and partner: files, records and how they were judged, holds, and how long answers took. $1 partner,
-- $2 from, $3 to, $4 day, week or month.
WITH bounds AS (
	SELECT date_trunc($4::text, $2::timestamptz) AS begins, coalesce($3::timestamptz, transaction_timestamp()) AS ends
), file AS (
	SELECT p.code AS partner, f.file_id, date_trunc($4, f.decided_at) AS day, f.records, f.state
	FROM handback.file f JOIN handback.partner p USING (partner_id) CROSS JOIN bounds b
	WHERE ($1::text IS NULL OR p.code = $1) AND f.decided_at < b.ends AND (b.begins IS NULL OR f.decided_at >= b.begins)
), work AS (
	SELECT f.partner, f.day, count(*) FILTER (WHERE f.state = 'posted') AS posted, count(*) FILTER (WHERE f.state = 'held') AS files_held,
		sum(f.records) FILTER (WHERE f.state = 'posted') AS records, sum(t.confirmed) AS confirmed, sum(t.reversed) AS reversed, sum(t.held) AS held
	FROM file f CROSS JOIN LATERAL (
		SELECT sum(records) FILTER (WHERE outcome = :OUTCOME_CONFIRMED) AS confirmed,
			sum(records) FILTER (WHERE outcome = :OUTCOME_REVERSED) AS reversed, sum(records) FILTER (WHERE outcome = :OUTCOME_HELD) AS held
		FROM handback.tie_out t WHERE t.file_id = f.file_id) t
	GROUP BY f.partner, f.day
), opened AS (
	SELECT p.code AS partner, date_trunc($4, h.opened_at) AS day, count(*) AS opened
	FROM handback.hold h JOIN handback.file f USING (file_id) JOIN handback.partner p USING (partner_id) CROSS JOIN bounds b
	WHERE ($1::text IS NULL OR p.code = $1) AND h.opened_at < b.ends AND (b.begins IS NULL OR h.opened_at >= b.begins)
	GROUP BY p.code, 2
), settled AS (
	SELECT p.code AS partner, date_trunc($4, e.ended_at) AS day, count(*) AS settled
	FROM handback.hold_end e JOIN handback.hold h USING (hold_id) JOIN handback.file f USING (file_id)
	JOIN handback.partner p USING (partner_id) CROSS JOIN bounds b
	WHERE ($1::text IS NULL OR p.code = $1) AND e.ended_at < b.ends AND (b.begins IS NULL OR e.ended_at >= b.begins)
	GROUP BY p.code, 2
)
SELECT day::date::text AS day, partner, coalesce(posted, 0) AS files, coalesce(files_held, 0) AS files_held, coalesce(records, 0) AS records,
	coalesce(confirmed, 0) AS confirmed, coalesce(reversed, 0) AS reversed, coalesce(held, 0) AS held,
	coalesce(records - confirmed - reversed - coalesce(held, 0), coalesce(records, 0) - coalesce(confirmed, 0) - coalesce(reversed, 0) - coalesce(held, 0)) AS other,
	round(100.0 * coalesce(reversed, 0) / nullif(records, 0), 2)::text AS reversed_rate,
	round(100.0 * (records - coalesce(held, 0)) / nullif(records, 0), 2)::text AS matched_rate,
	coalesce(opened, 0) AS opened, coalesce(settled, 0) AS settled
FROM work FULL JOIN opened USING (partner, day) FULL JOIN settled USING (partner, day)
ORDER BY partner, day
