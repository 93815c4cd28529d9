-- Who asks what became of a redemption is answered by an index: each such call went through all outcomes that there are.

SET LOCAL ROLE handback_owner;

CREATE OR REPLACE FUNCTION api.redemption_json(redemption bigint) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object(
		'reference', upper(d.external_reference::text), 'member', d.member, 'points', d.points, 'amount', d.amount,
		'currency', d.currency, 'merchant', d.merchant, 'type', d.transaction_type, 'partner', d.partner,
		'outbound_reference', d.outbound_reference, 'redeemed_at', d.redeemed_at,
		'state', CASE WHEN h.reason IS NOT NULL THEN 'held' ELSE handback.redemption_state(redemption) END,
		'held_for', h.reason, 'reasons', o.reasons, 'decided_at', o.decided_at, 'reversed_at', r.posted_at,
		'reversed_by', CASE r.origin WHEN 'api' THEN 'application' ELSE r.origin END, 'reversal_reference', upper(r.external_reference::text))
	FROM ledger.redemption d
	LEFT JOIN ledger.reversal r ON r.redemption_id = d.redemption_id
	-- each in the words of its index: together they would be looked for among all outcomes that there are
	LEFT JOIN LATERAL (SELECT s.reasons, s.decided_at FROM (
			SELECT o.reasons, o.decided_at FROM handback.outcome o
			WHERE o.redemption_id = redemption AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
			UNION ALL
			SELECT o.reasons, o.decided_at FROM handback.outcome o
			WHERE o.redemption_id = redemption AND o.outcome = ANY (ARRAY[:OUTCOME_CREDITED])) s
		ORDER BY s.decided_at DESC LIMIT 1) o ON true
	LEFT JOIN LATERAL (SELECT o.hold_reason AS reason FROM handback.outcome o JOIN handback.hold h USING (file_id, record_no)
		WHERE o.redemption_id = redemption AND o.outcome = :OUTCOME_HELD
			AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
		ORDER BY h.opened_at DESC LIMIT 1) h ON true
	WHERE d.redemption_id = redemption
$$;

-- It stood on the table's key, so that nobody could look at what the key is good for by taking it away.
CREATE OR REPLACE VIEW points.batches AS
	SELECT b.batch_no, p.code AS programme, b.partner, b.sequence, b.cut_off, b.opened_at, w.name AS file, w.at AS placed_at,
		count(r.request_no) AS requests, coalesce(sum(r.points), 0)::bigint AS requested,
		coalesce(sum(r.points) FILTER (WHERE w.at IS NOT NULL OR r.result IS NOT NULL), 0)::bigint AS sent,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'credited'), 0)::bigint AS credited,
		coalesce(sum(r.points) FILTER (WHERE r.result = 'rejected' OR r.state = 'reversed'), 0)::bigint AS rejected,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'reversed'), 0)::bigint AS reversed,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'open' AND w.at IS NULL), 0)::bigint AS unknown,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'open'), 0)::bigint AS open, e.ended_at
	FROM points.batch b JOIN ledger.programme p ON p.programme_id = b.programme_id
	LEFT JOIN points.batch_step w ON w.batch_no = b.batch_no AND w.step = 'placed'
	LEFT JOIN points.batch_request r ON r.batch_no = b.batch_no
	LEFT JOIN points.batch_end e ON e.batch_no = b.batch_no
	GROUP BY b.batch_no, p.code, b.partner, b.sequence, b.cut_off, b.opened_at, w.name, w.at, e.ended_at;
