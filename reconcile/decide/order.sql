-- name: partner_lock
-- One file of a partner is decided at a time: what it finds is what it acts upon. Until the end of the transaction.
-- $1 partner's code.
SELECT handback.lock_partner($1::text)

-- name: file_order
-- Where a file stands among those of its partner and profile that were posted.
-- $1 partner's number, $2 profile, $3 order_by: none, sequence or business_date, $4 the day that its period begins with
-- (days since 1970; NULL: numbers never begin again), $5 its place there or NULL, $6 business date, $7 part.
-- Gives: is a file of an earlier period there; of the last in its period the place, the number and the business date; a file with the
-- same place; and whether a newer one is there.
WITH posted AS NOT MATERIALIZED (
	SELECT f.file_id, f.period, f.place, f.sequence, f.business_date, f.part
	FROM handback.file f
	WHERE f.partner_id = $1::integer AND f.profile = $2::text AND f.state = 'posted'
), own AS NOT MATERIALIZED (
	SELECT * FROM posted p WHERE p.period = coalesce(date '1970-01-01' + $4::integer, '-infinity') AND p.place IS NOT NULL)
SELECT EXISTS (SELECT FROM posted p WHERE p.period < date '1970-01-01' + $4::integer AND p.place IS NOT NULL) AS earlier,
	l.place AS last, l.sequence AS last_number, l.business_date - date '1970-01-01' AS last_day,
	(SELECT p.file_id FROM own p WHERE p.place = $5::bigint AND p.part IS NOT DISTINCT FROM $7::bigint ORDER BY p.file_id DESC LIMIT 1) AS same,
	CASE $3::text
		WHEN 'sequence' THEN $5::bigint IS NOT NULL AND EXISTS (SELECT FROM posted p
			WHERE (p.period, p.place) > (coalesce(date '1970-01-01' + $4::integer, '-infinity'), $5::bigint))
		WHEN 'business_date' THEN EXISTS (SELECT FROM posted p WHERE p.business_date > date '1970-01-01' + $6::integer)
		ELSE false
	END AS older
FROM (SELECT) one
LEFT JOIN LATERAL (SELECT p.place, p.sequence, p.business_date FROM own p ORDER BY p.place DESC, p.file_id DESC LIMIT 1) l ON true

-- name: file_parts
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
