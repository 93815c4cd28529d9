-- Redemptions that the file names more than once, and whether it says the same of them each time.
-- $1 true where our external_reference is the only match key. Takes pg_temp.stage and picked, gives repeated.
--
-- By our reference, the records that may name one again were marked while they were staged (with some that do not):
-- those few are looked for, instead of grouping all.
WITH said AS (
	SELECT a.named, s.*
	FROM (SELECT DISTINCT m.external_reference AS named FROM pg_temp.stage m WHERE $1::boolean AND m.again) a
	JOIN pg_temp.stage s ON s.external_reference = a.named
	UNION ALL
	SELECT a.named, s.*
	FROM (SELECT m.external_reference AS named FROM pg_temp.picked m
		WHERE NOT $1::boolean AND m.external_reference IS NOT NULL
		GROUP BY m.external_reference HAVING count(*) > 1) a
	JOIN pg_temp.picked p ON p.external_reference = a.named
	JOIN pg_temp.stage s ON s.record_no = p.record_no
)
INSERT INTO pg_temp.repeated (external_reference, first_record, alike, says)
SELECT d.named, min(d.record_no),
	count(DISTINCT (d.verdict, d.points, d.amount, d.currency, d.member, d.programme, d.reasons, d.change)) = 1,
	CASE WHEN min(d.verdict) <> max(d.verdict) THEN 'verdicts: ' || string_agg(v.name, ', ' ORDER BY d.record_no)
		ELSE 'unlike records: ' || string_agg(d.record_no::text, ', ' ORDER BY d.record_no) END
FROM said d JOIN handback.verdict_name v ON v.verdict = d.verdict
GROUP BY d.named
HAVING count(*) > 1
