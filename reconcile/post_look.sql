-- What the ledger shows of the reversals now: not what was asked of it. A statement of its own, to see what post.sql wrote.
-- Takes pg_temp.posted, gives pg_temp.reversed.
INSERT INTO pg_temp.reversed (reversal_id, external_reference, programme_id, member_id, points, redemption_id, posted_at, posted_by)
SELECT v.reversal_id, v.external_reference, v.programme_id, v.member_id, v.points, v.redemption_id, v.posted_at, v.posted_by
FROM pg_temp.posted p
CROSS JOIN LATERAL (   -- each by itself: never all reversals that there ever were
	SELECT r.* FROM ledger.reversal r
	WHERE r.redemption_id = p.redemption_id AND r.reversal_id = p.reversal_id
	OFFSET 0) v
