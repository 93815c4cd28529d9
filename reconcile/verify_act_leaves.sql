-- The same for the records that acts decided: in place of the file stands the act. $1 and $2: from which act
-- to which.
DECLARE leaves NO SCROLL CURSOR FOR
SELECT o.record_no, o.revision, o.byte_offset, o.byte_length, o.verdict, o.outcome,
	o.hold_reason, o.points, o.reference, o.reasons, o.detail, o.decided_at,
	d.redemption_id, d.external_reference, d.programme_id, d.member_id, d.points, d.amount, d.currency,
	d.merchant, d.transaction_type, d.partner, d.redeemed_at,
	r.reversal_id, r.external_reference, r.programme_id, r.member_id, r.points, r.redemption_id, r.posted_at, r.posted_by,
	o.act_id, o.leaf_hash, o.redemption_id, o.reversal_id, f.sha256
FROM handback.outcome o
LEFT JOIN handback.file f ON f.file_id = o.file_id
LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
WHERE o.revision > 0 AND o.act_id BETWEEN $1::bigint AND $2::bigint
ORDER BY o.act_id, o.file_id, o.record_no, o.revision, o.redemption_id
