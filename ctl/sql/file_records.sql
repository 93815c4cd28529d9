-- The records of one file, in its order.
SELECT
	o.record_no AS record,
	v.name AS verdict,
	n.name AS outcome,
	o.hold_reason AS reason,
	coalesce(d.points, o.points) AS points,
	coalesce(d.external_reference::text, o.reference) AS reference,
	o.reasons AS codes,
	o.detail,
	o.byte_offset,
	o.byte_length,
	o.redemption_id,
	o.reversal_id,
	o.revision,
	o.decided_at AS decided
FROM handback.outcome o
JOIN handback.verdict_name v USING (verdict)
JOIN handback.outcome_name n USING (outcome)
LEFT JOIN ledger.redemption d USING (redemption_id)
WHERE o.file_id = $1::bigint AND o.record_no > 0 AND ($2::text IS NULL OR n.name = $2)
ORDER BY o.record_no, o.revision
LIMIT $3::bigint
