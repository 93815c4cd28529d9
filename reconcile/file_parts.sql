-- Where a part stands in its set. $1 partner's number, $2 profile, $3 set, $4 part, $5 of how many, $6 the file that it releases.
-- Gives: a file of the set that speaks of another number of parts, one that is the same part, the numbers of those that have
-- not come (the first of them), and the first before this one that is not posted yet.
WITH there AS (
	SELECT t.* FROM handback.parts_there($1::integer, $2::text, $3::text) t WHERE t.file_id IS DISTINCT FROM $6::bigint)
SELECT
	(SELECT min(t.file_id) FROM there t WHERE t.parts <> $5::bigint) AS other_number,
	(SELECT min(t.file_id) FROM there t WHERE t.part = $4::bigint) AS same,
	(SELECT string_agg(m.n::text, ', ' ORDER BY m.n) FROM (
		SELECT n FROM generate_series(1, $5::bigint) n
		WHERE n <> $4::bigint AND n NOT IN (SELECT t.part FROM there t)
		ORDER BY n LIMIT 20) m) AS missing,
	(SELECT min(t.part) FROM there t WHERE t.part < $4::bigint AND NOT t.posted) AS waits_for
