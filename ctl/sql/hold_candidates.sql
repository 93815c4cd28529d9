-- For a record that was matched to nothing: redemptions of its partner that it could mean, with what speaks
-- for each and what against it. A verdict on a whole message of ours means all that were sent in it: they have the
-- message, or "message/line", as our reference.
SELECT
	d.redemption_id,
	d.external_reference,
	d.points,
	d.member,
	d.redeemed_at AS redeemed,
	s.state,
	concat_ws(', ',
		CASE WHEN m.whole THEN 'sent in this message' WHEN d.outbound_reference = o.reference THEN 'requested under this reference' END,
		CASE WHEN d.partner_reference = o.reference THEN 'the partner''s reference is this one' END,
		CASE WHEN d.points = o.points THEN 'the same points' END) AS speaks_for,
	concat_ws(', ',
		CASE WHEN d.points <> o.points THEN 'other points' END,
		CASE WHEN NOT m.whole AND o.reference IS NOT NULL AND o.reference IS DISTINCT FROM d.outbound_reference
			AND o.reference IS DISTINCT FROM d.partner_reference THEN 'another reference' END,
		CASE WHEN s.state <> 'open' THEN s.state || ' already' END) AS speaks_against
FROM handback.hold h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
CROSS JOIN LATERAL (
	SELECT CASE WHEN h.reason = 'whole_message' THEN coalesce(o.reference, f.original_message) END AS name) message
JOIN ledger.redemption d ON d.partner = p.code AND d.redeemed_at < o.decided_at AND (
	d.outbound_reference = o.reference OR d.partner_reference = o.reference OR d.outbound_reference = message.name
	OR starts_with(d.outbound_reference, message.name || '/')
	OR (d.points = o.points AND d.redeemed_at > o.decided_at - interval '60 days'))
CROSS JOIN LATERAL (SELECT coalesce(d.outbound_reference = message.name
	OR starts_with(d.outbound_reference, message.name || '/'), false) AS whole) m
CROSS JOIN LATERAL (SELECT handback.redemption_state(d.redemption_id) AS state) s
WHERE h.hold_id = $1::bigint AND h.redemption_id IS NULL
ORDER BY m.whole DESC, (d.outbound_reference = o.reference OR d.partner_reference = o.reference) DESC NULLS LAST, s.state <> 'open',
	d.redeemed_at DESC
LIMIT CASE WHEN (SELECT reason FROM handback.hold WHERE hold_id = $1) = 'whole_message' THEN 10000 ELSE 20 END
