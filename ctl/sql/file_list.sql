-- Files, the newest first.
SELECT
	f.file_id AS file,
	f.decided_at AS decided,
	p.code AS partner,
	f.name_shown AS name,
	f.state,
	f.hold_reason AS reason,
	f.records,
	coalesce(sum(t.records) FILTER (WHERE t.outcome = 1), 0) AS confirmed,
	coalesce(sum(t.records) FILTER (WHERE t.outcome = 2), 0) AS reversed,
	coalesce(sum(t.records) FILTER (WHERE t.outcome = 6), 0) AS held,
	f.bytes,
	f.source,
	f.sequence,
	f.business_date,
	f.duplicate_of,
	f.release_of,
	encode(f.sha256, 'hex') AS sha256,
	f.archived_as
FROM handback.file f
JOIN handback.partner p USING (partner_id)
LEFT JOIN handback.tie_out t USING (file_id)
WHERE ($1::text IS NULL OR p.code = $1)
	AND ($2::handback.file_state IS NULL OR f.state = $2)
	AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
	AND ($4::timestamptz IS NULL OR f.decided_at < $4)
GROUP BY f.file_id, p.code
ORDER BY f.file_id DESC
LIMIT $5::bigint
