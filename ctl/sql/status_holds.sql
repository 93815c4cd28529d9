-- What waits for a person.
SELECT p.code AS partner, h.reason, count(*) AS holds, coalesce(sum(h.points), 0) AS points, min(h.opened_at) AS oldest
FROM handback.hold_now h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
GROUP BY p.code, h.reason
ORDER BY p.code, h.reason
