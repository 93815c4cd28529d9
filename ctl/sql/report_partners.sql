-- The same files by partner: records and points; what was released in the scope counts in its release. The last row is
-- the sum.
WITH partner_row AS (
	SELECT
		p.code AS partner,
		count(*) FILTER (WHERE NOT g.gone) AS files,
		count(*) FILTER (WHERE f.state = 'posted') AS posted,
		count(*) FILTER (WHERE f.state = 'held' AND NOT g.gone) AS files_held,
		count(*) FILTER (WHERE g.gone) AS released,
		count(*) FILTER (WHERE f.state = 'duplicate') AS duplicates,
		coalesce(sum(f.records) FILTER (WHERE NOT g.gone), 0) AS records,
		sum(t.confirmed) AS confirmed,
		sum(t.confirmed_points) AS confirmed_points,
		sum(t.reversed) AS reversed,
		sum(t.reversed_points) AS reversed_points,
		sum(t.held) AS held,
		sum(t.held_points) AS held_points
	FROM handback.file f
	JOIN handback.partner p USING (partner_id)
	LEFT JOIN handback.file r ON r.release_of = f.file_id
	CROSS JOIN LATERAL (SELECT r.file_id IS NOT NULL AND $2::bigint IS NULL AND ($4::timestamptz IS NULL OR r.decided_at < $4) AS gone) g
	CROSS JOIN LATERAL (
		SELECT
			coalesce(sum(records) FILTER (WHERE outcome = 1), 0) AS confirmed,
			coalesce(sum(points) FILTER (WHERE outcome = 1), 0) AS confirmed_points,
			coalesce(sum(records) FILTER (WHERE outcome = 2), 0) AS reversed,
			coalesce(sum(points) FILTER (WHERE outcome = 2), 0) AS reversed_points,
			coalesce(sum(records) FILTER (WHERE outcome = 6), 0) AS held,
			coalesce(sum(points) FILTER (WHERE outcome = 6), 0) AS held_points
		FROM handback.tie_out
		WHERE file_id = f.file_id
	) t
	WHERE ($1::text IS NULL OR p.code = $1)
		AND ($2::bigint IS NULL OR f.file_id = $2)
		AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
		AND ($4::timestamptz IS NULL OR f.decided_at < $4)
	GROUP BY p.code
)
SELECT * FROM (
	SELECT * FROM partner_row
	UNION ALL
	SELECT NULL, sum(files), sum(posted), sum(files_held), sum(released), sum(duplicates), sum(records), sum(confirmed),
		sum(confirmed_points), sum(reversed), sum(reversed_points), sum(held), sum(held_points)
	FROM partner_row
) all_rows
ORDER BY partner
