-- Have we had these bytes?
-- $1 SHA-256 (hex), $2 source, $3 name (hex), $4 when the partner's file last changed (µs since 1970).
-- No row, or the one to act upon:
--   resume     this delivery was decided, and is not yet archived
--   leftover   this delivery was archived, and its original could not be removed then
--   duplicate  the same bytes came before, under whatever name
SELECT k.kind, f.file_id, f.state::text, f.hold_reason, f.records,
	(extract(epoch FROM f.decided_at) * 1000000)::bigint AS decided_at, f.sequence
FROM handback.file f
CROSS JOIN LATERAL (SELECT
	CASE
		WHEN f.release_of IS NOT NULL THEN NULL   -- its bytes came with the file that it releases
		WHEN f.source = $2::text AND f.name = decode($3::text, 'hex') AND f.archived_at IS NULL THEN 'resume'
		WHEN f.source = $2::text AND f.name = decode($3::text, 'hex')
			AND timestamptz 'epoch' + $4::bigint * interval '1 microsecond' < f.decided_at THEN 'leftover'
		WHEN f.state <> 'duplicate' THEN 'duplicate'
	END AS kind) k
WHERE f.sha256 = decode($1::text, 'hex') AND k.kind IS NOT NULL
ORDER BY k.kind = 'resume' DESC, k.kind = 'leftover' DESC, f.file_id
LIMIT 1
