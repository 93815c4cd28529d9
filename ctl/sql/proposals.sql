-- Proposals: those that wait for another person, or all with --all.
SELECT p.proposal_id AS proposal, coalesce(e.how, 'proposed') AS state, p.decision, p.holds, p.points,
	p.proposed_at AS proposed, p.proposed_by, p.why, e.ended_at AS ended, e.ended_by, e.why AS answer
FROM handback.proposal p
LEFT JOIN handback.proposal_end e USING (proposal_id)
WHERE $1::boolean OR e.proposal_id IS NULL
ORDER BY p.proposal_id
