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
