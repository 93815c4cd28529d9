-- The decided records in the file's order, as leaves are made of them (reconcile/leaf_row.h). $1 revision.
-- Takes pg_temp.decided and reversed.
DECLARE decided NO SCROLL CURSOR FOR
SELECT d.record_no, $1::smallint AS revision, d.byte_offset, d.byte_length, d.verdict, d.outcome,
	d.hold_reason, d.points, d.reference, d.reasons, d.detail, transaction_timestamp() AS decided_at,
	d.redemption_id, d.external_reference, d.programme_id, d.member_id, d.redeemed_points, d.amount, d.currency,
	d.merchant, d.transaction_type, d.partner, d.redeemed_at,
	v.reversal_id, v.external_reference, v.programme_id, v.member_id, v.points, v.redemption_id, v.posted_at, v.posted_by
FROM pg_temp.decided d
LEFT JOIN pg_temp.reversed v ON v.record_no = d.record_no
ORDER BY d.record_no
