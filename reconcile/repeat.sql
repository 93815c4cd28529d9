-- References that the file names more than once, and whether it says the same of them each time.
-- $1 true where our external_reference is the only match key. Takes pg_temp.stage and picked, gives repeated.
WITH named AS NOT MATERIALIZED (
	SELECT CASE WHEN $1::boolean THEN s.external_reference ELSE p.external_reference END AS named, s.*
	FROM pg_temp.stage s
	LEFT JOIN pg_temp.picked p ON NOT $1::boolean AND p.record_no = s.record_no
), again AS MATERIALIZED (
	SELECT named FROM named WHERE named IS NOT NULL GROUP BY named HAVING count(*) > 1
)
INSERT INTO pg_temp.repeated (external_reference, first_record, alike, says)
SELECT n.named, min(n.record_no),
	count(DISTINCT (n.verdict, n.points, n.amount, n.currency, n.member, n.programme, n.reasons, n.change)) = 1,
	CASE WHEN min(n.verdict) <> max(n.verdict) THEN 'verdicts: ' || string_agg(v.name, ', ' ORDER BY n.record_no)
		ELSE 'unlike records: ' || string_agg(n.record_no::text, ', ' ORDER BY n.record_no) END
FROM again a JOIN named n ON n.named = a.named JOIN handback.verdict_name v ON v.verdict = n.verdict
GROUP BY n.named
