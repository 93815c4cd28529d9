-- Records and points by outcome: $1 file, $2 outcomes, $3 their records, $4 their points. Gives the records that were written.
WITH written AS (
	INSERT INTO handback.tie_out (file_id, outcome, records, points)
	SELECT $1::bigint, t.outcome, t.records, t.points
	FROM unnest($2::smallint[], $3::bigint[], $4::numeric[]) AS t (outcome, records, points)
	RETURNING records
)
SELECT coalesce(sum(records), 0) FROM written
