-- name: verify_leaves
-- The records that files' heads prove, as leaves are made of them (lib/proof/leaf_row.h), with the debits and
-- reversals as the ledger has them now. $1 and $2: from which file to which. Behind the leaf: its file, the
-- leaf as it was stored, and what debit and reversal the row names.
DECLARE leaves NO SCROLL CURSOR FOR
SELECT o.record_no, o.revision, o.byte_offset, o.byte_length, o.verdict, o.outcome,
	o.hold_reason, o.points, o.reference, o.reasons, o.detail, o.decided_at,
	d.redemption_id, d.external_reference, d.programme_id, d.member_id, d.points, d.amount, d.currency,
	d.merchant, d.transaction_type, d.partner, d.redeemed_at,
	r.reversal_id, r.external_reference, r.programme_id, r.member_id, r.points, r.redemption_id, r.posted_at, r.posted_by,
	o.file_id, o.leaf_hash, o.redemption_id, o.reversal_id, f.sha256
FROM handback.outcome o
LEFT JOIN handback.file f ON f.file_id = o.file_id
LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
WHERE o.revision = 0 AND o.file_id BETWEEN $1::bigint AND $2::bigint
ORDER BY o.file_id, o.record_no

-- name: verify_act_leaves
-- The same for the records that events decided: in place of the file stands the event. $1 and $2: from which event
-- to which.
DECLARE leaves NO SCROLL CURSOR FOR
SELECT o.record_no, o.revision, o.byte_offset, o.byte_length, o.verdict, o.outcome,
	o.hold_reason, o.points, o.reference, o.reasons, o.detail, o.decided_at,
	d.redemption_id, d.external_reference, d.programme_id, d.member_id, d.points, d.amount, d.currency,
	d.merchant, d.transaction_type, d.partner, d.redeemed_at,
	r.reversal_id, r.external_reference, r.programme_id, r.member_id, r.points, r.redemption_id, r.posted_at, r.posted_by,
	o.event_id, o.leaf_hash, o.redemption_id, o.reversal_id, f.sha256
FROM handback.outcome o
LEFT JOIN handback.file f ON f.file_id = o.file_id
LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
WHERE o.revision > 0 AND o.event_id BETWEEN $1::bigint AND $2::bigint
ORDER BY o.event_id, o.file_id, o.record_no, o.revision, o.redemption_id

-- name: verify_fetch
-- The next of verify_leaves.sql or verify_act_leaves.sql.
FETCH FORWARD 20000 FROM leaves

-- name: verify_close
-- Done with verify_leaves.sql or verify_act_leaves.sql.
CLOSE leaves
