-- What was decided later: one act, a later revision of each outcome under its tree, and the end of each hold. $1 file.
-- Takes pg_temp.decided; the reversals stand in the ledger already.
WITH made AS MATERIALIZED (
	SELECT h.hold_id, ROW(h.file_id, d.record_no,
		(SELECT max(o.revision) + 1 FROM handback.outcome o WHERE o.file_id = h.file_id AND o.record_no = d.record_no),
		d.verdict, d.outcome, d.byte_length, d.byte_offset, d.redemption_id, v.reversal_id, d.points, NULL, d.reference,
		d.reasons, d.detail, transaction_timestamp(), NULL, NULL)::handback.outcome AS o
	FROM pg_temp.decided d
	JOIN handback.hold h ON h.file_id = $1::bigint AND h.record_no = d.record_no
	LEFT JOIN ledger.reversal v ON v.redemption_id = d.redemption_id AND d.outcome = 2
), hashed AS MATERIALIZED (
	SELECT hold_id, o, handback.leaf_hash(o) AS leaf FROM made
), act AS MATERIALIZED (
	SELECT audit.append_act('matched_later', 'file ' || $1::bigint, NULL,
		format('%s records whose redemption was unknown', count(*)), count(*),
		audit.merkle_root(array_agg(leaf ORDER BY (o).record_no))) AS act_id
	FROM hashed
), ended AS (
	INSERT INTO handback.hold_end (hold_id, how) SELECT hold_id, 'matched_later' FROM hashed
)
INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id,
	reversal_id, points, hold_reason, reference, reasons, detail, decided_at, act_id, leaf_hash)
SELECT (o).file_id, (o).record_no, (o).revision, (o).verdict, (o).outcome, (o).byte_length, (o).byte_offset,
	(o).redemption_id, (o).reversal_id, (o).points, NULL, (o).reference, (o).reasons, (o).detail, (o).decided_at,
	act.act_id, leaf
FROM hashed, act
