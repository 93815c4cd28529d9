-- Holds that have ended, the newest first. $1 partner, $2 reason, $3 file, $4 at most so many.
SELECT
	h.hold_id AS hold,
	e.ended_at AS ended,
	e.how,
	e.ended_by,
	p.code AS partner,
	h.file_id AS file,
	f.name_shown AS name,
	h.record_no AS record,
	h.reason,
	h.points,
	h.redemption_id,
	h.opened_at AS opened
FROM handback.hold_end e
JOIN handback.hold_now h USING (hold_id)
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE ($1::text IS NULL OR p.code = $1)
	AND ($2::text IS NULL OR h.reason = $2)
	AND ($3::bigint IS NULL OR h.file_id = $3)
ORDER BY e.ended_at DESC, h.hold_id
LIMIT $4::bigint
