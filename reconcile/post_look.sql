-- What the ledger shows of these redemptions' reversals now: not what was asked of it. A statement of its own, to see what
-- post.sql wrote. $1 redemptions. Gives the columns of a leaf's reversal (reconcile/leaf_row.h), in their order.
SELECT v.reversal_id::bigint, v.external_reference::uuid, v.programme_id::bigint, v.member_id::bigint, v.points::bigint,
	v.redemption_id::bigint, v.posted_at::timestamptz, v.posted_by::text
FROM unnest($1::bigint[]) WITH ORDINALITY AS p (redemption_id, n)
CROSS JOIN LATERAL (   -- each by itself: never all reversals that there ever were
	SELECT r.* FROM ledger.reversal r
	WHERE r.redemption_id = p.redemption_id
	OFFSET 0) v
ORDER BY p.n
