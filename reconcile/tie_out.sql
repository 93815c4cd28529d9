-- Records and points by outcome. $1 file. Takes pg_temp.effect.
INSERT INTO handback.tie_out (file_id, outcome, records, points)
SELECT $1::bigint, e.outcome, e.records, e.points
FROM pg_temp.effect e
