-- The next archived files after number $1, at most $2, that retention has to do with: those that it may remove, and
-- those that it gave up before, in case the copy is still there. $3, $4: for how long copies are kept in the archive and
-- in quarantine, in milliseconds; NULL: for ever.
SELECT f.file_id, encode(f.sha256, 'hex') AS sha256, f.state = 'held' AS held,
	(extract(epoch FROM f.decided_at) * 1000000)::bigint AS decided_at, f.archived_as, r.file_id IS NOT NULL AS given_up
FROM handback.file f
LEFT JOIN handback.removal r USING (file_id)
WHERE f.file_id > $1::bigint AND (r.file_id IS NOT NULL OR (
	f.archived_at < transaction_timestamp() - CASE WHEN f.state = 'held' THEN $4::bigint ELSE $3::bigint END * interval '1 millisecond'
	AND EXISTS (SELECT FROM handback.unneeded_copy u WHERE u.file_id = f.file_id)))
ORDER BY f.file_id
LIMIT $2::bigint
