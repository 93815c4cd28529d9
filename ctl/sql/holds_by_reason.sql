-- Open holds by reason and age.
SELECT
	h.reason,
	count(*) FILTER (WHERE h.record_no IS NULL) AS files,
	count(*) FILTER (WHERE h.record_no IS NOT NULL) AS records,
	coalesce(sum(h.points), 0) AS points,
	count(*) FILTER (WHERE h.opened_at > transaction_timestamp() - interval '1 day') AS today,
	count(*) FILTER (WHERE h.opened_at <= transaction_timestamp() - interval '1 day'
		AND h.opened_at > transaction_timestamp() - interval '7 days') AS week,
	count(*) FILTER (WHERE h.opened_at <= transaction_timestamp() - interval '7 days') AS older,
	min(h.opened_at) AS oldest,
	r.wants
FROM handback.hold_now h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason r USING (reason)
WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
	AND ($1::text IS NULL OR p.code = $1)
GROUP BY h.reason, r.wants
ORDER BY h.reason
