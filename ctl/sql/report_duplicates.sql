-- Files that were delivered again, and which they repeat. Nothing is posted from them.
SELECT
	f.file_id AS file,
	f.decided_at AS decided,
	p.code AS partner,
	f.name_shown AS name,
	f.duplicate_of,
	first.name_shown AS first_name,
	first.decided_at AS first_decided,
	(SELECT count(*) FROM handback.outcome o
		WHERE o.file_id = f.file_id AND (o.outcome = 2 OR o.reversal_id IS NOT NULL)) AS postings
FROM handback.file f
JOIN handback.partner p USING (partner_id)
JOIN handback.file first ON first.file_id = f.duplicate_of
WHERE f.state = 'duplicate'
	AND ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR f.file_id = $2)
	AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
	AND ($4::timestamptz IS NULL OR f.decided_at < $4)
ORDER BY f.file_id
