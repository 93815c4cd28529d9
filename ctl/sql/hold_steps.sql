-- What people did about one hold, in order.
SELECT a.at, a.who, a.what, n.proposal_id AS proposal, a.why, a.detail
FROM (
	SELECT act_id, NULL::bigint AS proposal_id FROM handback.hold_note WHERE hold_id = $1::bigint
	UNION ALL
	SELECT p.act_id, p.proposal_id FROM handback.proposal p JOIN handback.proposal_hold h USING (proposal_id)
	WHERE h.hold_id = $1
	UNION ALL
	SELECT e.act_id, e.proposal_id FROM handback.proposal_end e JOIN handback.proposal_hold h USING (proposal_id)
	WHERE h.hold_id = $1
) n
JOIN audit.act a USING (act_id)
ORDER BY a.act_id
