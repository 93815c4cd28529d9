-- Posts the reversal of each of these redemptions, all or none. $1 redemptions. Gives how many were posted.
SELECT count(*) FROM ledger.post_reversals($1::bigint[])
