-- What the file would do, before anything is posted. Takes pg_temp.decided, gives pg_temp.effect.
INSERT INTO pg_temp.effect (outcome, records, points)
SELECT d.outcome, count(*), sum(coalesce(d.redeemed_points, d.points, 0))
FROM pg_temp.decided d
GROUP BY d.outcome
