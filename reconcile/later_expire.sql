-- Records whose reference was never known: closed, one act for each file, a later revision of each outcome under its
-- tree, and the end of each hold. Nothing is posted. $1 source, $2 unknown_days. Gives how many.
WITH old AS MATERIALIZED (
	SELECT h.hold_id, h.file_id, ROW(o.file_id, o.record_no, o.revision + 1, o.verdict, 8, o.byte_length, o.byte_offset, NULL,
		NULL, o.points, NULL, o.reference, o.reasons, format('unknown for %s days', $2::integer), transaction_timestamp(),
		NULL, NULL)::handback.outcome AS o
	FROM handback.hold_now h
	JOIN handback.file f ON f.file_id = h.file_id
	JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
	WHERE h.reason = 'unknown_reference' AND f.source = $1::text
		AND h.opened_at <= transaction_timestamp() - make_interval(days => $2::integer)
		AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
), hashed AS MATERIALIZED (
	SELECT hold_id, file_id, o, handback.leaf_hash(o) AS leaf FROM old
), act AS MATERIALIZED (
	SELECT file_id, audit.append_act('unknown_reference_expired', 'file ' || file_id, NULL,
		format('%s records whose redemption was unknown for %s days', count(*), $2::integer), count(*),
		audit.merkle_root(array_agg(leaf ORDER BY (o).record_no))) AS act_id
	FROM hashed
	GROUP BY file_id
), ended AS (
	INSERT INTO handback.hold_end (hold_id, how) SELECT hold_id, 'unknown_reference_expired' FROM hashed
), written AS (
	INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, points, reference,
		reasons, detail, decided_at, act_id, leaf_hash)
	SELECT (o).file_id, (o).record_no, (o).revision, (o).verdict, (o).outcome, (o).byte_length, (o).byte_offset, (o).points,
		(o).reference, (o).reasons, (o).detail, (o).decided_at, act.act_id, leaf
	FROM hashed JOIN act USING (file_id)
	RETURNING record_no
)
SELECT count(*) FROM written
