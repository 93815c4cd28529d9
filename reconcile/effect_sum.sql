-- What the file would do, before anything is posted: as rows for pg_temp.effect, and as numbers for the guard and for
-- who asked. Takes pg_temp.decided.
WITH summed AS (
	INSERT INTO pg_temp.effect (outcome, records, points)
	SELECT d.outcome, count(*), sum(coalesce(d.redeemed_points, d.points, 0))
	FROM pg_temp.decided d
	GROUP BY d.outcome
	RETURNING outcome, records, points
)
SELECT coalesce(sum(records), 0)::bigint AS records, coalesce(sum(records) FILTER (WHERE outcome = 2), 0)::bigint AS reversed,
	coalesce(sum(points) FILTER (WHERE outcome = 2), 0) AS points,
	coalesce(sum(records) FILTER (WHERE outcome = 1), 0)::bigint AS confirmed,
	coalesce(sum(records) FILTER (WHERE outcome = 6), 0)::bigint AS held,
	coalesce(sum(records) FILTER (WHERE outcome = 3), 0)::bigint AS already_done,
	coalesce(sum(records) FILTER (WHERE outcome = 4), 0)::bigint AS duplicate_record,
	coalesce(sum(records) FILTER (WHERE outcome = 5), 0)::bigint AS noted
FROM summed
