-- Held files that may go and have not gone, and why. $1 partner.
SELECT w.hold_id AS hold, w.file_id AS file, p.code AS partner, f.name_shown AS name, w.reason, w.approved_at AS approved,
	w.approved_by, w.failed_at AS failed, w.why
FROM handback.release_waiting w
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE $1::text IS NULL OR p.code = $1
ORDER BY w.approved_at NULLS FIRST, w.file_id
