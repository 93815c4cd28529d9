-- Named holds: how many, and their points.
SELECT $1::bigint[] AS holds, count(*) AS many, coalesce(sum(h.points), 0) AS points
FROM handback.hold h
WHERE h.hold_id = ANY ($1)
