-- Redemptions that the file names more than once, and whether it says the same of them each time.
-- $1 true where our external_reference is the only match key. Takes pg_temp.stage and picked, gives repeated.
--
-- By our reference, the records that may name one again were marked while they were staged (with some that do not):
-- those few are looked for, instead of grouping all.
WITH again AS MATERIALIZED (
	SELECT DISTINCT s.external_reference AS named FROM pg_temp.stage s WHERE $1::boolean AND s.again
	UNION ALL
	SELECT p.external_reference FROM pg_temp.picked p
	WHERE NOT $1::boolean AND p.external_reference IS NOT NULL
	GROUP BY p.external_reference HAVING count(*) > 1
), said AS (
	SELECT a.named, s.*
	FROM pg_temp.stage s JOIN again a ON a.named = s.external_reference
	WHERE $1::boolean
	UNION ALL
	SELECT a.named, s.*
	FROM pg_temp.stage s
	JOIN pg_temp.picked p ON p.record_no = s.record_no
	JOIN again a ON a.named = p.external_reference
	WHERE NOT $1::boolean
)
INSERT INTO pg_temp.repeated (external_reference, first_record, alike, says)
SELECT d.named, min(d.record_no),
	count(DISTINCT (d.verdict, d.points, d.amount, d.currency, d.member, d.programme, d.reasons, d.change)) = 1,
	CASE WHEN min(d.verdict) <> max(d.verdict) THEN 'verdicts: ' || string_agg(v.name, ', ' ORDER BY d.record_no)
		ELSE 'unlike records: ' || string_agg(d.record_no::text, ', ' ORDER BY d.record_no) END
FROM said d JOIN handback.verdict_name v ON v.verdict = d.verdict
GROUP BY d.named
HAVING count(*) > 1
