-- name: overdue
-- Redemptions that a partner should have answered by now, longest first: by the terms that the last nightly run found.
-- $1 partner, $2 limit. last_reply: its last verdict that decided nothing; file: the one that shows that none came.
SELECT
	o.due_at AS due,
	floor(extract(epoch FROM transaction_timestamp() - o.due_at) / 86400)::bigint AS days,
	t.partner,
	t.programme,
	o.redemption_id,
	o.external_reference,
	o.redeemed_at AS redeemed,
	o.points,
	o.last_reply,
	CASE WHEN o.last_reply IS NULL THEN o.file_id END AS file
FROM (SELECT DISTINCT ON (partner, programme) term_id FROM handback.term_now ORDER BY partner, programme, term_id DESC) n
JOIN handback.term t USING (term_id)
CROSS JOIN LATERAL handback.unanswered_redemptions(t) o
WHERE $1::text IS NULL OR t.partner = $1
ORDER BY o.due_at, o.redemption_id
LIMIT $2::bigint
