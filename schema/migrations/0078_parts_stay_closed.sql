-- The hold of a part is not opened again, for whatever reason it is held: one that was closed counts no more.

SET LOCAL ROLE handback_owner;

CREATE OR REPLACE FUNCTION handback.judge_holds(holds bigint[], decision text, meant bigint)
	RETURNS TABLE (hold_id bigint, about bigint, member_id bigint, points numeric, against text, difference text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
	SELECT h.hold_id, d.about, r.member_id, coalesce(r.points, h.points, 0)::numeric,
		CASE
			WHEN decision = 'reopen' THEN CASE
				WHEN e.hold_id IS NULL THEN 'it is open'
				WHEN EXISTS (SELECT FROM handback.hold n WHERE n.reopens = h.hold_id) THEN 'it was reopened already'
				WHEN h.record_no IS NULL THEN CASE
					WHEN e.how <> 'released' THEN 'it is of a whole file: have the partner send that again'
					WHEN EXISTS (SELECT FROM handback.file n WHERE n.release_of = h.file_id) THEN 'its file was released'
				END
				WHEN h.reason = 'partly_fulfilled' OR EXISTS (SELECT FROM handback.answer_part a
					WHERE a.file_id = h.file_id AND a.record_no = h.record_no) THEN 'it is of a part: have the partner send that again'
				WHEN e.how NOT IN ('closed', 'overtaken', 'unknown_reference_expired')
					THEN format('it was decided (%s): only what was closed is reopened', e.how)
			END
			WHEN e.hold_id IS NOT NULL THEN format('has ended (%s)', e.how)
			WHEN decision = 'close' THEN NULL
			WHEN decision = 'release' THEN
				CASE WHEN h.record_no IS NOT NULL THEN 'it is of a record: only a whole file can be released' END
			WHEN h.record_no IS NULL THEN 'it is of a whole file, which can only be released or closed'
			WHEN d.about IS NULL THEN 'its record names no redemption: say which is meant'
			WHEN r.redemption_id IS NULL OR r.partner <> p.code THEN format('redemption %s is not one of this partner', d.about)
			WHEN r.programme <> t.programme THEN format('redemption %s is of programme %s, and its record of %s', d.about, r.programme,
				t.programme)
			WHEN decision = 'confirm' AND s.state <> 'open' THEN format('redemption %s is %s already', d.about, s.state)
			WHEN decision = 'reverse' AND s.state NOT IN ('open', 'confirmed')
				THEN format('redemption %s is %s already, and is reversed once for ever', d.about, s.state)
					|| CASE WHEN s.state = 'reinstated' THEN ': propose to credit it' ELSE '' END
			WHEN decision = 'reinstate' AND v.credit_id IS NOT NULL
				THEN format('redemption %s was credited by correction, which is never taken back', d.about)
			WHEN decision = 'reinstate' AND s.state <> 'reversed' THEN format('redemption %s is %s', d.about, s.state)
			WHEN decision = 'credit' AND s.state <> 'reinstated'
				THEN format('redemption %s is %s: only one that was reinstated is credited', d.about, s.state)
			WHEN decision = 'credit' AND (l.o).verdict <> :VERDICT_REJECTED THEN 'its record is no rejection'
		END,
		CASE
			WHEN d.about IS NULL OR decision IN ('close', 'release', 'reopen') THEN NULL
			WHEN d.about = h.redemption_id AND h.reason LIKE '%\_mismatch' THEN (l.o).detail
			ELSE nullif(concat_ws('; ',
				CASE WHEN u.member <> r.member THEN handback.unlike('member', u.member, r.member) END,
				CASE WHEN (l.o).points <> r.points THEN format('points: stated %s, redeemed %s', (l.o).points, r.points) END), '')
		END
	FROM handback.hold_now h
	JOIN handback.file f ON f.file_id = h.file_id
	JOIN handback.partner p ON p.partner_id = f.partner_id
	CROSS JOIN LATERAL (SELECT coalesce(meant, h.redemption_id) AS about) d
	LEFT JOIN handback.hold_end e ON e.hold_id = h.hold_id
	LEFT JOIN handback.hold_stated u ON u.hold_id = h.hold_id
	LEFT JOIN LATERAL (SELECT r.redemption_id, r.member_id, r.member, r.points, r.partner, r.programme
		FROM ledger.redemption r WHERE r.redemption_id = d.about OFFSET 0) r ON true
	LEFT JOIN LATERAL (SELECT r.programme FROM ledger.redemption r
		WHERE r.redemption_id = h.redemption_id AND u.programme IS NULL OFFSET 0) own ON true
	CROSS JOIN LATERAL (SELECT coalesce(u.programme, own.programme) AS programme) t
	LEFT JOIN LATERAL (SELECT v.reversal_id, v.reinstatement_id, v.credit_id
		FROM ledger.reversal v WHERE v.redemption_id = d.about OFFSET 0) v ON true
	CROSS JOIN LATERAL (SELECT CASE
		WHEN v.reinstatement_id IS NOT NULL AND v.credit_id IS NULL THEN 'reinstated'
		WHEN v.reversal_id IS NOT NULL THEN 'reversed'
		WHEN EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = d.about AND o.outcome = :OUTCOME_CONFIRMED) THEN 'confirmed'
		ELSE 'open' END AS state) s
	LEFT JOIN handback.last_outcomes(CASE WHEN decision IN ('close', 'release', 'reopen') THEN '{}' ELSE holds END) l ON l.hold_id = h.hold_id
	WHERE h.hold_id = ANY (holds)
$$;
