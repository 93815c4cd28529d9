-- What the file would do, before anything is posted: for the guard and for the file's row.
-- Takes pg_temp.decided.
SELECT count(*) AS records, count(*) FILTER (WHERE outcome = 2) AS rejects,
	coalesce(sum(redeemed_points) FILTER (WHERE outcome = 2), 0) AS points,
	count(*) FILTER (WHERE outcome = 1) AS confirmed, count(*) FILTER (WHERE outcome = 6) AS held
FROM pg_temp.decided
