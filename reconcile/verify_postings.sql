-- Postings of ours without an outcome: reversals by the logins that post for files, that no outcome names.
-- (An outcome without its posting shows in its leaf.) The first, as part, file, record, message.
WITH named AS (
	SELECT o.reversal_id FROM handback.outcome o WHERE o.reversal_id IS NOT NULL
), ours AS (
	SELECT DISTINCT r.posted_by FROM ledger.reversal r JOIN named USING (reversal_id)
)
SELECT 'reversal' AS part, NULL::bigint AS file_id, NULL::bigint AS record_no,
	format('reversal %s (%s) of redemption %s, %s points, was posted by %s at %s, and no outcome names it',
		r.reversal_id, r.external_reference, r.redemption_id, r.points, r.posted_by, r.posted_at) AS message
FROM ledger.reversal r
WHERE r.posted_by IN (SELECT posted_by FROM ours)
	AND NOT EXISTS (SELECT FROM named n WHERE n.reversal_id = r.reversal_id)
UNION ALL
-- a reinstatement is named by the outcome that two people made of it
SELECT 'reinstatement', o.file_id, o.record_no,
	format('the outcome names "%s"; reversal %s was taken back by entry %s', o.detail, o.reversal_id, r.reinstatement_id)
FROM handback.outcome o
LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
WHERE o.outcome = 7 AND o.detail IS DISTINCT FROM 'reinstatement ' || r.reinstatement_id
UNION ALL
SELECT 'reinstatement', NULL, NULL, format('reversal %s was taken back by entry %s, and no outcome says so', r.reversal_id,
	r.reinstatement_id)
FROM ledger.reversal r
WHERE r.reinstatement_id IS NOT NULL
	AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = r.redemption_id AND o.outcome = 7)
LIMIT 1
