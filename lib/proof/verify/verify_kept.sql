-- name: verify_files
-- The next files after number $1, at most $2: what is kept of them, and where.
SELECT file_id, name_shown, source, encode(sha256, 'hex') AS sha256, bytes, state = 'held' AS held,
	(extract(epoch FROM decided_at) * 1000000)::bigint AS decided_at, archived_as,
	handback.purged_at(file_id)::date::text AS purged_on
FROM handback.file
WHERE file_id > $1::bigint
ORDER BY file_id
LIMIT $2::bigint

-- name: verify_purged
-- Was the copy of a file purged by now, and not only as of the snapshot? $1 file. The day, or NULL.
SELECT handback.purged_at($1::bigint)::date::text AS purged_on
