-- What waits, or waited, of one file: by reason.
SELECT h.reason, count(*) AS holds, count(*) - count(e.hold_id) AS open, coalesce(sum(h.points), 0) AS points,
	min(h.opened_at) AS oldest, r.wants
FROM handback.hold h
JOIN handback.hold_reason r USING (reason)
LEFT JOIN handback.hold_end e USING (hold_id)
WHERE h.file_id = $1::bigint
GROUP BY h.reason, r.wants
ORDER BY h.reason
