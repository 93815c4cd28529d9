-- Totals that partners stated, beside what was counted.
SELECT
	c.file_id AS file,
	p.code AS partner,
	f.name_shown AS name,
	c.name AS control,
	c.place,
	c.stated,
	c.counted,
	c.counted - c.stated AS difference,
	CASE WHEN c.agrees THEN 'ok' ELSE 'differs' END AS agrees
FROM handback.control c
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR f.file_id = $2)
	AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
	AND ($4::timestamptz IS NULL OR f.decided_at < $4)
ORDER BY c.file_id, c.n
