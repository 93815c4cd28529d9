-- Posts the reversal of every redemption that was decided so. Takes pg_temp.decided, gives pg_temp.posted.
INSERT INTO pg_temp.posted (redemption_id, reversal_id)
SELECT p.redemption_id, p.reversal_id
FROM ledger.post_reversals((SELECT array_agg(d.redemption_id ORDER BY d.redemption_id)
	FROM pg_temp.decided d WHERE d.outcome = 2)) p
