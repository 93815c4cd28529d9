-- The next heads after number $1, at most $2, with what each is of.
SELECT h.head_no, h.file_id, a.act_id, h.tree_size, encode(h.root, 'hex') AS root, h.head_text,
	encode(h.head_hash, 'hex') AS head_hash, encode(h.previous, 'hex') AS previous,
	(extract(epoch FROM h.made_at) * 1000000)::bigint AS made_at, encode(f.sha256, 'hex') AS sha256,
	f.name_shown
FROM audit.head h
LEFT JOIN handback.file f USING (file_id)
LEFT JOIN audit.act a ON a.head_no = h.head_no AND h.file_id IS NULL
WHERE h.head_no > $1::bigint
ORDER BY h.head_no
LIMIT $2::bigint
