-- Open holds by partner and reason, with the age of the oldest in seconds.
SELECT p.code AS partner, h.reason, count(*) AS holds,
	extract(epoch FROM transaction_timestamp() - min(h.opened_at))::bigint AS oldest_seconds,
	extract(epoch FROM min(h.opened_at))::bigint AS opened
FROM handback.hold_now h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
GROUP BY p.code, h.reason
ORDER BY p.code, h.reason
