-- name: orphans
-- The first of these names, <sha256>-<file id>, whose bytes the database does not know. $1 names.
SELECT k.name
FROM unnest($1::text[]) WITH ORDINALITY k (name, n)
WHERE NOT EXISTS (SELECT FROM handback.file f WHERE f.sha256 = decode(split_part(k.name, '-', 1), 'hex'))
ORDER BY k.n
LIMIT 1
