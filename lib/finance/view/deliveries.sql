-- name: deliveries_partners
-- Which expected files came, and how, by partner and source; and those that nobody expected. $1 partner, $2 from, $3 to: when
-- they were late.
WITH delivery AS (
	SELECT t.partner, e.source, e.kind, e.state, e.day, e.came, e.files
	FROM handback.expected_files e JOIN handback.term_now t USING (source)
	WHERE ($1::text IS NULL OR t.partner = $1)
		AND ($2::timestamptz IS NULL OR e.late_at >= $2)
		AND ($3::timestamptz IS NULL OR e.late_at < $3)
	UNION ALL
	SELECT p.code, f.source, NULL, u.how, NULL, 1, 0
	FROM handback.expected_delivery_file u
	JOIN handback.file f USING (file_id)
	JOIN handback.partner p USING (partner_id)
	WHERE u.how = 'unexpected'
		AND ($1::text IS NULL OR p.code = $1)
		AND ($2::timestamptz IS NULL OR f.seen_at >= $2)
		AND ($3::timestamptz IS NULL OR f.seen_at < $3)
)
SELECT partner, source, kind, count(*) FILTER (WHERE day IS NOT NULL) AS expected,
	count(*) FILTER (WHERE state IN ('early', 'on_time')) AS on_time, count(*) FILTER (WHERE state = 'late') AS late,
	count(*) FILTER (WHERE state IN ('missing', 'overdue')) AS missing, count(*) FILTER (WHERE state = 'poll_failed') AS poll_failed,
	count(*) FILTER (WHERE state = 'nothing_due') AS nothing_due, count(*) FILTER (WHERE state = 'due') AS due,
	count(*) FILTER (WHERE state = 'unexpected') AS unexpected,
	min(day) FILTER (WHERE state IN ('missing', 'overdue'))::text AS missing_since
FROM delivery
GROUP BY partner, source, kind
ORDER BY partner, source, kind

-- name: deliveries_rows
-- The deliveries of one state. $1 partner, $2 from, $3 to, $4 state ('all'), $5 at most so many.
SELECT * FROM (
	SELECT t.partner, e.source, e.kind, e.day::text AS day, e.due_at AS due, e.late_at AS late_after, e.state, e.came, e.files, e.file_id AS file
	FROM handback.expected_files e JOIN handback.term_now t USING (source)
	WHERE ($2::timestamptz IS NULL OR e.late_at >= $2) AND ($3::timestamptz IS NULL OR e.late_at < $3)
	UNION ALL
	SELECT p.code, f.source, NULL, (f.seen_at AT TIME ZONE 'UTC')::date::text, NULL, NULL, u.how, 1, 0, f.file_id
	FROM handback.expected_delivery_file u
	JOIN handback.file f USING (file_id)
	JOIN handback.partner p USING (partner_id)
	WHERE u.how = 'unexpected' AND ($2::timestamptz IS NULL OR f.seen_at >= $2) AND ($3::timestamptz IS NULL OR f.seen_at < $3)
) d
WHERE ($1::text IS NULL OR d.partner = $1) AND ($4::text = 'all' OR d.state = $4 OR ($4 = 'missing' AND d.state = 'overdue')
	OR ($4 = 'on_time' AND d.state = 'early'))
ORDER BY d.day, d.partner, d.source, d.kind, d.file
LIMIT $5::bigint
