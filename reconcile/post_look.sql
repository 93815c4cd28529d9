-- What the ledger shows of the reversals now: not what was asked of it. A statement of its own, to see what post.sql wrote.
-- Takes pg_temp.posted and decided, gives pg_temp.reversed.
INSERT INTO pg_temp.reversed (record_no, reversal_id, external_reference, programme_id, member_id, points, redemption_id,
	posted_at, posted_by)
SELECT d.record_no, v.reversal_id, v.external_reference, v.programme_id, v.member_id, v.points, v.redemption_id,
	v.posted_at, v.posted_by
FROM pg_temp.posted p
JOIN ledger.reversal v ON v.redemption_id = p.redemption_id AND v.reversal_id = p.reversal_id
JOIN pg_temp.decided d ON d.redemption_id = p.redemption_id AND d.outcome = 2
