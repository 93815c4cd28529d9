-- How looking went, where that is something else than before. $1 source, $2 result, $3 why, $4 when (microseconds).
INSERT INTO handback.look (source, looked_at, result, why)
SELECT $1::text, timestamptz 'epoch' + $4::bigint * interval '1 microsecond', $2::text, $3::text
WHERE ($2::text, coalesce($3::text, '')) IS DISTINCT FROM (
	SELECT (l.result, coalesce(l.why, '')) FROM handback.look l WHERE l.source = $1::text ORDER BY l.look_id DESC LIMIT 1)
