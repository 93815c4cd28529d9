-- name: file_failed
-- A try of a file that failed by its own doing. $1 source, $2 name, $3 SHA-256, both in hex, $4 the file that it would
-- release, $5 why. Gives: how many there are with it since the file was last decided.
WITH noted AS (
	INSERT INTO handback.file_failure (source, name, sha256, release_of, why)
	VALUES ($1::text, decode($2::text, 'hex'), decode($3::text, 'hex'), $4::bigint, $5::text))
SELECT 1 + count(*) AS failures
FROM handback.file_failure k
WHERE k.source = $1 AND k.name = decode($2, 'hex') AND k.sha256 = decode($3, 'hex') AND k.release_of IS NOT DISTINCT FROM $4
	AND k.failed_at > coalesce((SELECT max(f.decided_at) FROM handback.file f
		WHERE f.sha256 = k.sha256 AND f.source = k.source AND f.name = k.name), '-infinity')
