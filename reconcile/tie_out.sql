-- Records and points by outcome. $1 file. Takes pg_temp.decided.
INSERT INTO handback.tie_out (file_id, outcome, records, points)
SELECT $1::bigint, d.outcome, count(*), sum(coalesce(d.redeemed_points, d.points, 0))
FROM pg_temp.decided d
GROUP BY d.outcome
