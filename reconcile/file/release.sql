-- name: release_due
-- Files on hold that may go, in the order in which they are to be decided. $1 file, or NULL for all of them. copies: where
-- their bytes are kept, its own copy first.
-- kind:
--   people  two people have released it
--   gap     it waited for a number before its own, which was decided since
--   part    it waited for the other parts of its set: all of them are there, and those before it are posted
--   resume  it is decided, and that is not yet archived: the last five columns are of the new row
-- waived: what it is not held for again, as words: its own hold_reason and those of what it was released from.
SELECT k.kind, f.file_id, f.source, p.code AS partner, f.profile, encode(f.name, 'hex') AS name,
	encode(f.sha256, 'hex') AS sha256, handback.kept_copies(f.sha256, f.file_id) AS copies, (extract(epoch FROM f.seen_at) * 1000000)::bigint AS seen_at,
	array_to_string(handback.waived_checks(f.file_id), ' ') AS waived,
	h.hold_id, r.file_id AS release, r.state::text, r.hold_reason, r.records,
	(extract(epoch FROM r.decided_at) * 1000000)::bigint AS decided_at
FROM handback.file_hold h
JOIN handback.file f ON f.file_id = h.file_id
JOIN handback.partner p ON p.partner_id = f.partner_id
LEFT JOIN handback.file r ON r.release_of = f.file_id
CROSS JOIN LATERAL (SELECT
	CASE
		WHEN r.file_id IS NOT NULL THEN CASE WHEN r.archived_at IS NULL THEN 'resume' END
		WHEN h.how = 'released' THEN 'people'
		WHEN h.how IS NULL AND h.reason = 'sequence_gap' AND f.place - 1 <= handback.last_place(f.partner_id, f.profile, f.period) THEN 'gap'
		WHEN h.how IS NULL AND h.reason = 'part_missing' AND (
			SELECT count(DISTINCT t.part) = f.parts AND bool_and(t.posted OR t.part >= f.part)
			FROM handback.parts_there(f.partner_id, f.profile, f.part_set) t
			WHERE t.part BETWEEN 1 AND f.parts) THEN 'part'
	END AS kind) k
WHERE f.archived_at IS NOT NULL AND k.kind IS NOT NULL AND ($1::bigint IS NULL OR f.file_id = $1)
ORDER BY p.code, f.profile, f.period, f.place, f.file_id

-- name: release_end
-- A hold that ends by itself: what its file waited for is there. $1 hold.
INSERT INTO handback.hold_end (hold_id, how) VALUES ($1::bigint, 'released')

-- name: release_failed
-- Why a file that may go could not be handled, where that is another reason than the last. $1 file, $2 why.
INSERT INTO handback.release_failure (file_id, why)
SELECT $1::bigint, $2::text
WHERE $2 IS DISTINCT FROM (
	SELECT k.why FROM handback.release_failure k WHERE k.file_id = $1 ORDER BY k.failure_id DESC LIMIT 1)
