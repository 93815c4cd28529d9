-- What two people decided about holds in this time ($1 partner, $2 file, $3 from, $4 to): the points of the
-- proposal's holds that are in scope.
SELECT
	e.ended_at AS decided,
	p.proposal_id AS proposal,
	p.decision,
	count(*) AS holds,
	sum(coalesce(d.points, h.points, 0)) AS points,
	p.proposed_by,
	e.ended_by AS approved_by,
	p.why
FROM handback.proposal_end e
JOIN handback.proposal p USING (proposal_id)
JOIN handback.proposal_hold ph USING (proposal_id)
JOIN handback.hold h USING (hold_id)
JOIN handback.file f USING (file_id)
JOIN handback.partner r USING (partner_id)
LEFT JOIN ledger.redemption d ON d.redemption_id = coalesce(p.redemption_id, h.redemption_id)
WHERE e.how = 'approved'
	AND ($1::text IS NULL OR r.code = $1)
	AND ($2::bigint IS NULL OR f.file_id = $2)
	AND ($3::timestamptz IS NULL OR e.ended_at >= $3)
	AND ($4::timestamptz IS NULL OR e.ended_at < $4)
GROUP BY e.ended_at, p.proposal_id, p.decision, p.proposed_by, e.ended_by, p.why
ORDER BY e.ended_at, p.proposal_id
