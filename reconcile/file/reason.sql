-- name: reason_file
-- What a .reason says of its file. $1 file.
SELECT f.name_shown, f.source, p.code AS partner, f.profile, encode(f.sha256, 'hex') AS sha256, f.bytes,
	f.sequence, f.business_date, f.records, to_char(f.seen_at, 'YYYY-MM-DD HH24:MI:SS"Z"') AS seen,
	to_char(f.decided_at, 'YYYY-MM-DD HH24:MI:SS"Z"') AS decided, r.reason, r.meaning, r.action_required
FROM handback.file f
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason r ON r.reason = f.hold_reason
WHERE f.file_id = $1::bigint

-- name: reason_controls
-- The control totals that a .reason shows, those that differ first. $1 file.
SELECT name, place, stated, counted, agrees
FROM handback.control
WHERE file_id = $1::bigint
ORDER BY agrees, n
LIMIT 100

-- name: reason_refusals
-- The refusals that a .reason shows. $1 file.
SELECT record_no, byte_offset, field, value_shown, rule, message
FROM handback.refusal
WHERE file_id = $1::bigint
ORDER BY n
