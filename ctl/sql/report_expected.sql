-- Files that partners should have sent, by when they were late ($1 partner, $2 file, $3 from, $4 to), and those that
-- nobody expected.
SELECT t.partner, e.source, e.kind, e.day::text AS day, e.due_at AS due, e.state, e.came, e.files, e.file_id AS file
FROM handback.expected_files e
JOIN handback.term_now t USING (source)
WHERE ($1::text IS NULL OR t.partner = $1)
	AND ($2::bigint IS NULL OR e.file_id = $2)
	AND ($3::timestamptz IS NULL OR e.late_at >= $3)
	AND ($4::timestamptz IS NULL OR e.late_at < $4)
UNION ALL
SELECT p.code, f.source, NULL, (f.seen_at AT TIME ZONE 'UTC')::date::text, NULL, u.how, 1, 0, f.file_id
FROM handback.issue_file u
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE u.how = 'unexpected'
	AND ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR f.file_id = $2)
	AND ($3::timestamptz IS NULL OR f.seen_at >= $3)
	AND ($4::timestamptz IS NULL OR f.seen_at < $4)
ORDER BY 1, 2, 4, 3
