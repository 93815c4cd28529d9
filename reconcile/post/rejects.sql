-- name: rejects
-- What of a file was not accepted, as its partner may read it: its own values and our reasons, nothing of the ledger.
-- $1 file, $2 true where every match key has our external_reference: then a record without another reference named
-- the very one of its redemption. $3 lines.
SELECT record_no, reference, reason, verdict, points, codes, byte_offset, byte_length, field, value, message
FROM (
	SELECT 0 AS part, 0::bigint AS n, NULL::bigint AS record_no, NULL AS reference, f.hold_reason AS reason, NULL AS verdict,
		NULL::bigint AS points, NULL AS codes, NULL::bigint AS byte_offset, NULL::integer AS byte_length, NULL AS field,
		NULL AS value, NULL AS message
	FROM handback.file f
	WHERE f.file_id = $1::bigint AND f.state = 'held'
	UNION ALL
	SELECT 1, r.n, r.record_no, NULL, r.rule, NULL, NULL, NULL, r.byte_offset, NULL, r.field, r.value_shown, r.message
	FROM handback.refusal r
	JOIN handback.file f USING (file_id)
	WHERE r.file_id = $1::bigint AND f.state = 'held'
	UNION ALL
	SELECT 2, o.record_no, o.record_no, coalesce(o.reference, CASE WHEN $2::boolean THEN d.external_reference::text END),
		o.hold_reason, v.name, o.points, o.reasons, o.byte_offset, o.byte_length, NULL, NULL, NULL
	FROM handback.outcome o
	JOIN handback.verdict_name v USING (verdict)
	JOIN handback.outcome_name n ON n.outcome = o.outcome AND n.name = 'held'
	LEFT JOIN ledger.redemption d USING (redemption_id)
	WHERE o.file_id = $1::bigint AND o.revision = 0
) line
ORDER BY part, n
LIMIT $3::bigint
