-- Says of what is overdue that it is missing, or that nothing was due: a partner that sends no empty files, and lists
-- its rejects alone or owes no answer, may have had nothing to tell. $1 source, $2 partner, $3 true where it lists
-- rejects alone. Gives how many are newly missing.
WITH judged AS (
	INSERT INTO handback.issue_missing (issue_id, files, judged)
	SELECT e.issue_id, e.files - e.came, CASE WHEN i.empty OR (NOT $3::boolean AND EXISTS (
			SELECT FROM ledger.redemption r
			WHERE r.partner = $2::text AND r.redeemed_at < i.due_at
				AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.redemption_id)
				AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = r.redemption_id AND o.outcome = 1)))
		THEN 'missing' ELSE 'nothing_due' END
	FROM handback.expected_files e
	JOIN handback.issue i USING (issue_id)
	WHERE e.source = $1::text AND e.state = 'overdue'
	ON CONFLICT DO NOTHING
	RETURNING judged)
SELECT count(*) FILTER (WHERE judged = 'missing') FROM judged
