-- Open holds, the oldest first.
SELECT
	h.hold_id AS hold,
	h.opened_at AS opened,
	CASE
		WHEN waited >= interval '2 days' THEN floor(extract(epoch FROM waited) / 86400)::bigint || ' d'
		WHEN waited >= interval '2 hours' THEN floor(extract(epoch FROM waited) / 3600)::bigint || ' h'
		ELSE floor(extract(epoch FROM waited) / 60)::bigint || ' min'
	END AS age,
	p.code AS partner,
	h.file_id AS file,
	f.name_shown AS name,
	h.record_no AS record,
	h.reason,
	h.points,
	h.redemption_id,
	r.wants
FROM handback.hold_now h
CROSS JOIN LATERAL (SELECT transaction_timestamp() - h.opened_at AS waited) age
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason r USING (reason)
WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
	AND ($1::text IS NULL OR p.code = $1)
	AND ($2::text IS NULL OR h.reason = $2)
	AND ($3::bigint IS NULL OR h.file_id = $3)
ORDER BY h.hold_id
LIMIT $4::bigint
