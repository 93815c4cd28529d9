-- name: retention_lock
-- Copies are purged by one run at a time: until the end of the transaction. What is verified meanwhile is not in the way: a copy
-- that goes after a snapshot was taken has its event by then (lib/proof/verify/verify_kept.c).
SELECT handback.lock_purge()

-- name: retention_files
-- The next archived files after number $1, at most $2, that retention has to do with: those that it may purge, and
-- those that it purged before, in case the copy is still there. $3, $4: for how long copies are kept in the archive and
-- in quarantine, in milliseconds; NULL: for ever.
SELECT f.file_id, encode(f.sha256, 'hex') AS sha256, f.state = 'held' AS held,
	(extract(epoch FROM f.decided_at) * 1000000)::bigint AS decided_at, f.archived_as, r.file_id IS NOT NULL AS purged
FROM handback.file f
LEFT JOIN handback.purge r USING (file_id)
WHERE f.file_id > $1::bigint AND (r.file_id IS NOT NULL OR (
	f.archived_at < transaction_timestamp() - CASE WHEN f.state = 'held' THEN $4::bigint ELSE $3::bigint END * interval '1 millisecond'
	AND EXISTS (SELECT FROM handback.purgeable_copy u WHERE u.file_id = f.file_id)))
ORDER BY f.file_id
LIMIT $2::bigint

-- name: retention_purge
-- Purges copies, by one event that names their files. $1 files, $2 why. verify_people.sql makes the same text of the
-- rows. What another run purged meanwhile is not named again.
WITH wanted AS MATERIALIZED (
	SELECT w.file_id FROM unnest($1::bigint[]) w (file_id)
	WHERE NOT EXISTS (SELECT FROM handback.purge r WHERE r.file_id = w.file_id)
), event AS MATERIALIZED (
	SELECT audit.append_service_event('purged', 'files', $2::text, string_agg(file_id::text, ' ' ORDER BY file_id)) AS event_id
	FROM wanted
	HAVING count(*) > 0
)
INSERT INTO handback.purge (file_id, event_id) SELECT file_id, event_id FROM wanted, event
