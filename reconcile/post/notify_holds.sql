-- name: notify_holds
-- Files that are held as a whole and lie in quarantine: $3 of them at most, in order.
-- $1 one file, or NULL for all that come after the file $2.
SELECT f.file_id, f.source, p.code AS partner, f.name_shown, h.reason, f.archived_as
FROM handback.hold h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE h.record_no IS NULL AND f.archived_as IS NOT NULL AND f.file_id > $2::bigint
	AND ($1::bigint IS NULL OR f.file_id = $1::bigint)
	AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
ORDER BY f.file_id
LIMIT $3::bigint
