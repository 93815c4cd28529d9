-- What waits for people now, by file, reason and age; whatever day it came in ($1 partner, $2 file).
SELECT
	p.code AS partner,
	h.file_id AS file,
	f.name_shown AS name,
	h.reason,
	count(*) FILTER (WHERE h.record_no IS NOT NULL) AS records,
	coalesce(sum(h.points), 0) AS points,
	min(h.opened_at) AS oldest,
	floor(extract(epoch FROM transaction_timestamp() - min(h.opened_at)) / 86400)::bigint AS days,
	r.wants
FROM handback.hold_now h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason r USING (reason)
WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
	AND ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR h.file_id = $2)
GROUP BY p.code, h.file_id, f.name_shown, h.reason, r.wants
ORDER BY min(h.opened_at), h.file_id, h.reason
