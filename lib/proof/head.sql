-- name: head_lock
-- One writer of the chain at a time, until the end of the transaction. A statement of its own: the next one must see
-- what its predecessor committed.
SELECT head_no FROM audit.chain_end()

-- name: head_last
-- What the next head is chained to, and its time, which never goes back.
SELECT coalesce(h.head_no, 0) + 1 AS head_no, encode(coalesce(h.head_hash, decode(repeat('00', 32), 'hex')), 'hex') AS previous,
	(extract(epoch FROM greatest(clock_timestamp(), h.made_at)) * 1000000)::bigint AS made_at
FROM (SELECT) one
LEFT JOIN LATERAL (SELECT head_no, head_hash, made_at FROM audit.head ORDER BY head_no DESC LIMIT 1) h ON true

-- name: head_files
-- What a head says of its file, line by line, from the tables: docs/architecture.md, "The proof".
-- $1 and $2: from which file to which. Gives file_id, text.
--
-- The same statement writes a head and checks it later.
SELECT f.file_id, string_agg(l.key || (
		SELECT string_agg(E'\t' || replace(replace(replace(replace(coalesce(v.value, ''),
			E'\\', E'\\\\'), E'\t', E'\\t'), E'\n', E'\\n'), E'\r', E'\\r'), '' ORDER BY v.n)
		FROM unnest(l.fields) WITH ORDINALITY AS v (value, n)) || E'\n', '' ORDER BY l.part, l.n) AS text
FROM handback.file f
JOIN handback.partner p USING (partner_id)
CROSS JOIN LATERAL (
	SELECT 1 AS part, k.n, k.key, ARRAY[k.value] AS fields
	FROM (VALUES
		(1, 'file', f.file_id::text),
		(2, 'sha256', encode(f.sha256, 'hex')),
		(3, 'name', encode(f.name, 'hex')),
		(4, 'bytes', f.bytes::text),
		(5, 'source', f.source),
		(6, 'partner', p.code),
		(7, 'profile', f.profile),
		(8, 'profile_sha256', encode(f.profile_sha256, 'hex')),
		(9, 'state', f.state::text),
		(10, 'hold_reason', f.hold_reason),
		(11, 'duplicate_of', f.duplicate_of::text),
		(12, 'release_of', f.release_of::text),
		(13, 'sequence', f.sequence::text),
		(14, 'business_date', f.business_date::text),
		(15, 'partner_file_id', f.partner_file_id),
		(16, 'part', f.part::text),
		(17, 'parts', f.parts::text),
		(18, 'part_set', f.part_set),
		(19, 'records', f.records::text),
		(20, 'seen_at', (extract(epoch FROM f.seen_at) * 1000000)::bigint::text),
		(21, 'statement', f.statement),
		(22, 'again_of', f.again_of::text),
		(23, 'period', CASE WHEN isfinite(f.period) THEN f.period::text END),
		(24, 'place', CASE WHEN f.place <> f.sequence THEN f.place::text END),
		(25, 'rules_sha256', encode(f.rules_sha256, 'hex'))) AS k (n, key, value)
	WHERE k.n <= 20 OR k.value <> ''   -- heads from before there were such have no line of it
	UNION ALL
	SELECT 2, c.n, 'control', ARRAY[c.name, c.place, c.stated::text, c.counted::text, c.agrees::text]
	FROM handback.control c WHERE c.file_id = f.file_id
	UNION ALL
	SELECT 3, t.outcome, 'tie_out', ARRAY[o.name, t.records::text, t.points::text]
	FROM handback.tie_out t JOIN handback.outcome_name o USING (outcome)
	WHERE t.file_id = f.file_id AND f.state <> 'held'
	UNION ALL
	SELECT 4, r.n, 'refusal', ARRAY[r.rule, r.record_no::text, r.byte_offset::text, r.field, r.value_shown, r.message]
	FROM handback.refusal r WHERE r.file_id = f.file_id) l
WHERE f.file_id BETWEEN $1::bigint AND $2::bigint
GROUP BY f.file_id
ORDER BY f.file_id

-- name: head_insert
-- One link of the chain. Its number and its predecessor are unique: two of them cannot follow the same head.
INSERT INTO audit.head (head_no, file_id, tree_size, root, head_text, head_hash, previous, made_at)
VALUES ($1::bigint, $2::bigint, $3::bigint, decode($4::text, 'hex'), $5::text, decode($6::text, 'hex'),
	decode($7::text, 'hex'), timestamptz 'epoch' + $8::bigint * interval '1 microsecond')
