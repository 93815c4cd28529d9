-- The whole scope in one row: what the reader looks for first. A file that was released in the scope counts once, in its
-- release.
SELECT
	count(*) FILTER (WHERE NOT g.gone) AS files,
	count(*) FILTER (WHERE f.state = 'posted') AS posted,
	count(*) FILTER (WHERE f.state = 'held' AND NOT g.gone) AS files_held,
	count(*) FILTER (WHERE g.gone) AS released,
	count(*) FILTER (WHERE f.state = 'duplicate') AS duplicates,
	coalesce(sum(f.records) FILTER (WHERE NOT g.gone), 0) AS records,
	coalesce(sum(t.confirmed_points), 0) AS confirmed_points,
	coalesce(sum(t.reversed_points), 0) AS reversed_points,
	(SELECT count(*) FROM handback.hold h
		JOIN handback.file hf USING (file_id)
		JOIN handback.partner hp USING (partner_id)
		WHERE ($1::text IS NULL OR hp.code = $1)
			AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)) AS open_holds,
	coalesce(sum(t.difference), 0) AS difference
FROM handback.file f
JOIN handback.partner p USING (partner_id)
LEFT JOIN handback.file r ON r.release_of = f.file_id
CROSS JOIN LATERAL (SELECT r.file_id IS NOT NULL AND $2::bigint IS NULL AND ($4::timestamptz IS NULL OR r.decided_at < $4) AS gone) g
CROSS JOIN LATERAL (
	SELECT
		sum(points) FILTER (WHERE outcome = 1) AS confirmed_points,
		sum(points) FILTER (WHERE outcome = 2) AS reversed_points,
		CASE WHEN f.state <> 'posted' AND count(*) = 0 THEN 0 ELSE f.records - coalesce(sum(records), 0) END
			AS difference
	FROM handback.tie_out
	WHERE file_id = f.file_id
) t
WHERE ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR f.file_id = $2)
	AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
	AND ($4::timestamptz IS NULL OR f.decided_at < $4)
