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
LIMIT 1
