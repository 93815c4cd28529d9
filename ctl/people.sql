-- name: hold_count
-- Named holds: how many, and their points.
SELECT $1::bigint[] AS holds, count(*) AS many, coalesce(sum(h.points), 0) AS points
FROM handback.hold h
WHERE h.hold_id = ANY ($1)

-- name: hold_select
-- The open holds that a filter means, for a proposal: $1 partner, $2 reason, $3 file. At least one is given.
-- $4 the decision: only whole files are released.
SELECT coalesce(array_agg(h.hold_id ORDER BY h.hold_id), '{}') AS holds, count(*) AS many,
	coalesce(sum(h.points), 0) AS points, coalesce(sum(f.records) FILTER (WHERE h.record_no IS NULL), 0) AS records
FROM handback.hold_now h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
	AND ($1::text IS NOT NULL OR $2::text IS NOT NULL OR $3::bigint IS NOT NULL)
	AND ($1 IS NULL OR p.code = $1)
	AND ($2 IS NULL OR h.reason = $2)
	AND ($3 IS NULL OR h.file_id = $3)
	AND ($4::text <> 'release' OR h.record_no IS NULL)

-- name: hold_assign
SELECT handback.assign_hold($1::bigint, $2::text, $3::text) AS event

-- name: hold_comment
SELECT handback.comment_hold($1::bigint, $2::text) AS event

-- name: hold_propose
SELECT handback.propose($1::bigint[], $2::text, $3::text, $4::uuid) AS proposal

-- name: not_a_duplicate
SELECT handback.not_a_duplicate($1::bigint, $2::text) AS proposal

-- name: hold_approve
SELECT handback.approve($1::bigint, $2::text) AS event

-- name: hold_reject
SELECT handback.reject($1::bigint, $2::text) AS event

-- name: proposals
-- Proposals: those that wait for another person, or all with --all.
SELECT p.proposal_id AS proposal, coalesce(e.how, 'proposed') AS state, p.decision, p.holds, p.points,
	p.proposed_at AS proposed, p.proposed_by, p.why, e.ended_at AS ended, e.ended_by, e.why AS answer
FROM handback.proposal p
LEFT JOIN handback.proposal_end e USING (proposal_id)
WHERE $1::boolean OR e.proposal_id IS NULL
ORDER BY p.proposal_id
