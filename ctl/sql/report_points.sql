-- The points of each judged file, and what the ledger has for them: reversals and ledger_points are
-- counted in the ledger, through the outcomes that name them. The last row is the sum.
WITH scope AS (
	SELECT f.file_id, p.code, f.name_shown
	FROM handback.file f
	JOIN handback.partner p USING (partner_id)
	WHERE ($1::text IS NULL OR p.code = $1)
		AND ($2::bigint IS NULL OR f.file_id = $2)
		AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
		AND ($4::timestamptz IS NULL OR f.decided_at < $4)
), posted AS (
	SELECT o.file_id, count(r.reversal_id) AS reversals, sum(r.points) AS points
	FROM handback.outcome o
	JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
	WHERE o.outcome = 2 AND o.revision = 0 AND o.file_id = ANY (ARRAY(SELECT file_id FROM scope))
	GROUP BY o.file_id
), file_row AS (
	SELECT
		s.file_id AS file,
		s.code AS partner,
		s.name_shown AS name,
		sum(t.points) AS points,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = 1), 0) AS confirmed,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = 2), 0) AS reversed,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = 3), 0) AS already_done,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = 4), 0) AS duplicate_record,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = 5), 0) AS noted,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = 6), 0) AS held,
		coalesce(sum(t.points) FILTER (WHERE t.outcome IN (3, 4, 5)), 0) AS other,
		coalesce(max(posted.reversals), 0) AS reversals,
		coalesce(max(posted.points), 0) AS ledger_points,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = 2), 0) - coalesce(max(posted.points), 0) AS difference
	FROM scope s
	JOIN handback.tie_out t USING (file_id)
	LEFT JOIN posted USING (file_id)
	GROUP BY s.file_id, s.code, s.name_shown
)
SELECT * FROM file_row
UNION ALL
SELECT NULL, NULL, 'All files', sum(points), sum(confirmed), sum(reversed), sum(already_done),
	sum(duplicate_record), sum(noted), sum(held), sum(other), sum(reversals), sum(ledger_points), sum(difference)
FROM file_row
ORDER BY file
