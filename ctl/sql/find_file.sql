-- The files that a person may mean by $1: a number, the beginning of a hash, or a name. Newest first.
SELECT f.file_id AS file, f.name_shown AS name, f.state, f.decided_at AS decided
FROM handback.file f
WHERE CASE
	WHEN $1::text ~ '^[0-9]{1,18}$' AND EXISTS (SELECT FROM handback.file WHERE file_id = $1::bigint)
		THEN f.file_id = $1::bigint
	WHEN $1 ~ '^[0-9a-f]{8,64}$' THEN encode(f.sha256, 'hex') LIKE $1 || '%'
	ELSE f.name_shown = $1 END
ORDER BY f.file_id DESC
LIMIT 20
