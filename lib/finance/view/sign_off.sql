-- name: sign_off
-- The steps of a month's end, and who has done them. $1 its first day.
SELECT w.step, s.person, s.at, s.head_no || ':' || s.head_hash AS sealed
FROM (VALUES (1, 'prepared'), (2, 'reviewed'), (3, 'signed')) w (n, step)
LEFT JOIN handback.sign_offs s ON s.step = w.step AND s.month = $1::date AND s.counts
ORDER BY w.n

-- name: sign_off_changes
-- Lines of the figures that were prepared and are no more, and those that are now. $1 its first day, $2 the figures as they are.
WITH prepared AS (SELECT s.figures FROM handback.sign_offs s WHERE s.month = $1::date AND s.counts AND s.step = 'prepared'),
	was AS (SELECT line FROM prepared p, regexp_split_to_table(p.figures, E'\\r\\n') line),
	is_now AS (SELECT line FROM regexp_split_to_table($2::text, E'\\r\\n') line)
SELECT 'then' AS said, w.line AS figure FROM was w WHERE NOT EXISTS (SELECT FROM is_now n WHERE n.line = w.line)
UNION ALL
SELECT 'now', n.line FROM is_now n WHERE EXISTS (SELECT FROM prepared) AND NOT EXISTS (SELECT FROM was w WHERE w.line = n.line)
ORDER BY figure, said DESC

-- name: sign_off_do
-- $1 first day, $2 step, $3 the figures as they are, $4 why.
SELECT handback.sign_month($1::date, $2::text, $3::text, $4::text) AS number
