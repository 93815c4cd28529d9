-- Files that were held whole, with why: one row for each refusal, or one where there is none.
SELECT
	f.file_id AS file,
	f.decided_at AS decided,
	p.code AS partner,
	f.name_shown AS name,
	f.hold_reason AS reason,
	r.record_no AS record,
	r.byte_offset,
	coalesce(r.message, h.meaning) AS why,
	r.rule,
	r.field,
	r.value_shown AS value,
	h.wants,
	n.file_id AS released_as
FROM handback.file f
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason h ON h.reason = f.hold_reason
LEFT JOIN handback.refusal r USING (file_id)
LEFT JOIN handback.file n ON n.release_of = f.file_id
WHERE f.state = 'held'
	AND ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR f.file_id = $2)
	AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
	AND ($4::timestamptz IS NULL OR f.decided_at < $4)
ORDER BY f.file_id, r.n
