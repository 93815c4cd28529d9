-- name: verify_heads
-- The next heads after number $1, at most $2, with what each is of.
SELECT h.head_no, h.file_id, a.event_id, h.tree_size, encode(h.root, 'hex') AS root, h.head_text,
	encode(h.head_hash, 'hex') AS head_hash, encode(h.previous, 'hex') AS previous,
	(extract(epoch FROM h.made_at) * 1000000)::bigint AS made_at, encode(f.sha256, 'hex') AS sha256,
	f.name_shown
FROM audit.head h
LEFT JOIN handback.file f USING (file_id)
LEFT JOIN audit.event a ON a.head_no = h.head_no AND h.file_id IS NULL
WHERE h.head_no > $1::bigint
ORDER BY h.head_no
LIMIT $2::bigint

-- name: verify_events
-- What the head of an event says of it, from the tables, as audit.append_event() wrote it. $1 and $2: from which
-- head to which. Gives head_no, text.
SELECT a.head_no, string_agg(l.key || E'\t' || replace(replace(replace(replace(coalesce(l.value, ''),
		E'\\', E'\\\\'), E'\t', E'\\t'), E'\n', E'\\n'), E'\r', E'\\r') || E'\n', '' ORDER BY l.n) AS text
FROM audit.event a
CROSS JOIN LATERAL (VALUES
	(1, 'event', a.event_id::text),
	(2, 'at', (extract(epoch FROM a.at) * 1000000)::bigint::text),
	(3, 'who', a.who),
	(4, 'what', a.what),
	(5, 'subject', a.subject),
	(6, 'why', a.why),
	(7, 'detail', a.detail),
	(8, 'rules_sha256', encode(a.rules_sha256, 'hex'))) AS l (n, key, value)
WHERE a.head_no BETWEEN $1::bigint AND $2::bigint AND (l.n < 8 OR l.value <> '')  -- heads from before there were such have no line of it
GROUP BY a.head_no, a.event_id
ORDER BY a.head_no
