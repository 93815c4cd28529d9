-- What a later match would do: records, those that are reversed and their points; and what the guard judges beside
-- it: the file's records, what it has reversed already (at first, or by later matches), and whether people let the
-- whole file pass it. $1 file. Takes pg_temp.decided.
SELECT d.records, d.reversed, d.points, f.records AS file_records, b.reversed AS reversed_before, b.points AS points_before,
	'guard' = ANY (handback.let_pass(f.release_of)) AS released
FROM handback.file f
CROSS JOIN (
	SELECT count(*) AS records, count(*) FILTER (WHERE outcome = 2) AS reversed,
		coalesce(sum(redeemed_points) FILTER (WHERE outcome = 2), 0)::bigint AS points
	FROM pg_temp.decided) d
CROSS JOIN LATERAL (
	SELECT count(*) AS reversed, coalesce(sum(r.points), 0)::bigint AS points
	FROM handback.outcome o
	JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
	LEFT JOIN audit.act a ON a.act_id = o.act_id
	WHERE o.file_id = f.file_id AND o.outcome = 2 AND (o.revision = 0 OR a.what = 'matched_later')) b
WHERE f.file_id = $1::bigint
