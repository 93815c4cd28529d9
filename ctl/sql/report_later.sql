-- Records that were decided after their file ($1 partner, $2 file, $3 from, $4 to: when), by file and how: found later,
-- never found and closed, not rejected in time, by two people. The last row is the sum.
WITH later_row AS (
	SELECT
		o.file_id AS file,
		p.code AS partner,
		f.name_shown AS name,
		CASE WHEN a.what = 'approved' THEN 'by two people' ELSE a.what END AS how,
		count(*) FILTER (WHERE o.outcome = 1) AS confirmed,
		count(*) FILTER (WHERE o.outcome = 2) AS reversed,
		count(*) FILTER (WHERE o.outcome = 8) AS closed,
		count(*) FILTER (WHERE o.outcome NOT IN (1, 2, 8)) AS other,
		coalesce(sum(coalesce(d.points, o.points)), 0) AS points,
		coalesce(sum(r.points) FILTER (WHERE o.outcome = 2), 0) AS ledger_points
	FROM handback.outcome o
	JOIN audit.act a USING (act_id)
	JOIN handback.file f ON f.file_id = o.file_id
	JOIN handback.partner p USING (partner_id)
	LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
	LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
	WHERE o.revision > 0
		AND ($1::text IS NULL OR p.code = $1)
		AND ($2::bigint IS NULL OR f.file_id = $2)
		AND ($3::timestamptz IS NULL OR o.decided_at >= $3)
		AND ($4::timestamptz IS NULL OR o.decided_at < $4)
	GROUP BY o.file_id, p.code, f.name_shown, 4
)
SELECT * FROM (
	SELECT * FROM later_row
	UNION ALL
	SELECT NULL, NULL, 'All of them', NULL, sum(confirmed), sum(reversed), sum(closed), sum(other), sum(points), sum(ledger_points)
	FROM later_row
	HAVING count(*) > 0
) all_rows
ORDER BY file, how
