-- The file's effect as numbers, for the guard and for who asked. Takes pg_temp.effect.
SELECT coalesce(sum(records), 0)::bigint AS records, coalesce(sum(records) FILTER (WHERE outcome = 2), 0)::bigint AS reversed,
	coalesce(sum(points) FILTER (WHERE outcome = 2), 0) AS points,
	coalesce(sum(records) FILTER (WHERE outcome = 1), 0)::bigint AS confirmed,
	coalesce(sum(records) FILTER (WHERE outcome = 6), 0)::bigint AS held,
	coalesce(sum(records) FILTER (WHERE outcome = 3), 0)::bigint AS already_done,
	coalesce(sum(records) FILTER (WHERE outcome = 4), 0)::bigint AS duplicate_record,
	coalesce(sum(records) FILTER (WHERE outcome = 5), 0)::bigint AS noted
FROM pg_temp.effect
