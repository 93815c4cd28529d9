-- The second sum of what is overdue: all that is late, less what the ledger and the outcomes have an answer for, against
-- what the report tells. $1 the partner, or NULL for all. A row is a difference, its columns as in report_proof.sql.
SELECT NULL AS file, t.partner AS name, 'overdue' AS outcome, told.records AS told_records,
	counted.records AS counted_records, told.points AS told_points, counted.points AS counted_points
FROM handback.term_now
JOIN handback.term t USING (term_id)
CROSS JOIN LATERAL (
	SELECT count(*) AS records, coalesce(sum(points), 0) AS points FROM handback.overdue_answers(t)) told
CROSS JOIN LATERAL (
	SELECT count(*) AS records, coalesce(sum(r.points), 0) AS points
	FROM ledger.redemption r
	WHERE t.within_days > 0 AND r.partner = t.partner AND r.programme = coalesce(t.programme, r.programme)
		AND r.redemption_id IN (
			SELECT l.redemption_id FROM ledger.redemption l
			WHERE l.partner = t.partner AND l.redeemed_at < handback.answers_due_before(t.within_days, t.zone,
				transaction_timestamp(), t.holidays)
			EXCEPT SELECT redemption_id FROM handback.outcome WHERE outcome = 1
			EXCEPT SELECT redemption_id FROM ledger.reversal)) counted
WHERE ($1::text IS NULL OR t.partner = $1)
	AND (told.records, told.points) IS DISTINCT FROM (counted.records, counted.points)
ORDER BY t.partner
LIMIT 20
