-- All that is known of one hold: both sides of it.
SELECT
	h.hold_id AS hold,
	CASE WHEN e.hold_id IS NULL THEN 'open' ELSE e.how END AS state,
	h.reason,
	r.meaning,
	r.wants,
	h.opened_at AS opened,
	e.ended_at AS ended,
	e.ended_by,
	p.code AS partner,
	h.file_id AS file,
	f.name_shown AS name,
	h.record_no AS record,
	CASE WHEN h.record_no IS NULL THEN f.records END AS records,
	CASE WHEN h.record_no IS NULL THEN f.sequence END AS sequence,
	CASE WHEN h.record_no IS NULL THEN f.business_date END AS business_date,
	CASE WHEN h.record_no IS NULL THEN f.release_of END AS release_of,
	released.file_id AS released_as,
	v.name AS verdict,
	o.reasons AS codes,
	o.points AS stated_points,
	o.reference,
	o.detail,
	o.byte_offset,
	o.byte_length,
	d.redemption_id,
	d.external_reference,
	s.state AS redemption_state,
	d.points,
	d.member,
	d.merchant,
	d.outbound_reference,
	d.partner_reference,
	d.redeemed_at AS redeemed,
	f.archived_as,
	handback.removed_at(f.file_id) AS removed
FROM handback.hold_now h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason r USING (reason)
LEFT JOIN handback.hold_end e USING (hold_id)
LEFT JOIN handback.file released ON released.release_of = f.file_id AND h.record_no IS NULL
LEFT JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
LEFT JOIN handback.verdict_name v USING (verdict)
LEFT JOIN ledger.redemption d ON d.redemption_id = h.redemption_id
LEFT JOIN LATERAL (SELECT handback.redemption_state(d.redemption_id) AS state WHERE d.redemption_id IS NOT NULL) s
	ON true
WHERE h.hold_id = $1::bigint
