-- Where a file stands among those of its partner and profile that were posted.
-- $1 partner's number, $2 profile, $3 order_by: none, sequence or business_date, $4 sequence, $5 business date, $6 part.
-- Gives: the last number before (with what came as a duplicate, where that could matter), a file with the same number, and
-- whether a newer one is there.
WITH posted AS NOT MATERIALIZED (
	SELECT f.file_id, f.sequence, f.business_date, f.part
	FROM handback.file f
	WHERE f.partner_id = $1::integer AND f.profile = $2::text AND f.state = 'posted')
SELECT
	(SELECT CASE WHEN p.sequence < $4::bigint - 1 THEN handback.last_number($1::integer, $2::text) ELSE p.sequence END
		FROM posted p WHERE p.sequence IS NOT NULL ORDER BY p.sequence DESC LIMIT 1) AS last,
	(SELECT p.file_id FROM posted p WHERE p.sequence = $4::bigint AND p.part IS NOT DISTINCT FROM $6::bigint ORDER BY p.file_id DESC LIMIT 1) AS same,
	CASE $3::text
		WHEN 'sequence' THEN EXISTS (SELECT FROM posted p WHERE p.sequence > $4::bigint)
		WHEN 'business_date' THEN EXISTS (SELECT FROM posted p WHERE p.business_date > date '1970-01-01' + $5::integer)
		ELSE false
	END AS older
