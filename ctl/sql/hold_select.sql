-- The open holds that a filter means, for a proposal: $1 partner, $2 reason, $3 file. At least one is given.
-- $4 the decision: only whole files are released.
SELECT coalesce(array_agg(h.hold_id ORDER BY h.hold_id), '{}') AS holds, count(*) AS many,
	coalesce(sum(h.points), 0) AS points, coalesce(sum(f.records) FILTER (WHERE h.record_no IS NULL), 0) AS records
FROM handback.hold_now h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
	AND ($1::text IS NOT NULL OR $2::text IS NOT NULL OR $3::bigint IS NOT NULL)
	AND ($1 IS NULL OR p.code = $1)
	AND ($2 IS NULL OR h.reason = $2)
	AND ($3 IS NULL OR h.file_id = $3)
	AND ($4::text <> 'release' OR h.record_no IS NULL)
