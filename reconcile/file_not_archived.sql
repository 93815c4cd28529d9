-- Files that were decided and whose archiving is not told: few, after a crash. $1 SHA-256 (hex), or NULL for all.
SELECT file_id, encode(sha256, 'hex') AS sha256, state::text, (extract(epoch FROM decided_at) * 1000000)::bigint AS decided_at
FROM handback.file
WHERE archived_at IS NULL AND ($1::text IS NULL OR sha256 = decode($1::text, 'hex'))
ORDER BY file_id
