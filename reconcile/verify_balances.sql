-- Members whose balance is not the sum of their entries, in the reference ledger. The first, as part, file,
-- record, message.
SELECT 'balance' AS part, NULL::bigint AS file_id, NULL::bigint AS record_no,
	format('member %s has a balance of %s points; the entries sum to %s', member_id, coalesce(b.points, 0),
		coalesce(e.points, 0)) AS message
FROM (
	SELECT member_id, sum(CASE WHEN category IN ('Credit By Accrual', 'Redemption Reversal') THEN points ELSE -points END)
		AS points
	FROM ledger.entry
	GROUP BY member_id
) e
FULL JOIN ledger.balance b USING (member_id)
WHERE coalesce(b.points, 0) <> coalesce(e.points, 0)
ORDER BY member_id
LIMIT 1
