-- name: hold_count
-- Named holds: how many, and their points.
SELECT $1::bigint[] AS holds, count(*) AS many, coalesce(sum(h.points), 0) AS points
FROM handback.hold h
WHERE h.hold_id = ANY ($1)

-- name: hold_select
-- The open holds that a filter means, for a proposal: $1 partner, $2 reason, $3 file, $5 verdict. At least one is given.
-- $4 the decision: only whole files are released. Gives those of which it is possible, and how many it is not of, with the first
-- and why.
WITH meant AS MATERIALIZED (
	SELECT h.hold_id, h.record_no, h.points, f.records
	FROM handback.hold_now h
	JOIN handback.file f USING (file_id)
	JOIN handback.partner p USING (partner_id)
	WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
		AND ($1::text IS NOT NULL OR $2::text IS NOT NULL OR $3::bigint IS NOT NULL OR $5::text IS NOT NULL)
		AND ($1 IS NULL OR p.code = $1)
		AND ($2 IS NULL OR h.reason = $2)
		AND ($3 IS NULL OR h.file_id = $3)
		AND ($4::text <> 'release' OR h.record_no IS NULL)
)
SELECT coalesce(array_agg(m.hold_id ORDER BY m.hold_id) FILTER (WHERE j.against IS NULL), '{}') AS holds,
	count(*) FILTER (WHERE j.against IS NULL) AS many, coalesce(sum(m.points) FILTER (WHERE j.against IS NULL), 0) AS points,
	coalesce(sum(m.records) FILTER (WHERE m.record_no IS NULL AND j.against IS NULL), 0) AS records, count(j.against) AS left_out,
	(array_agg(format('hold %s: %s', j.hold_id, j.against) ORDER BY j.hold_id) FILTER (WHERE j.against IS NOT NULL))[1] AS against
FROM handback.proposable(ARRAY(SELECT hold_id FROM meant), $4, $5) j
JOIN meant m USING (hold_id)

-- name: hold_assign
SELECT handback.assign_hold($1::bigint, $2::text, $3::text) AS event

-- name: hold_comment
SELECT handback.comment_hold($1::bigint, $2::text) AS event

-- name: accept_difference
SELECT handback.accept_difference(decode($1, 'hex'), $2::text) AS event

-- name: hold_propose
SELECT handback.propose($1::bigint[], $2::text, $3::text, $4::uuid, $5::boolean) AS proposal

-- name: hold_open
-- A hold for each record of a void file, a piece of them. $1 hold, $2 why, $3 where the piece begins.
SELECT event, opened, settled, said_too, deemed, in_parts, in_groups, behind FROM handback.open_void($1::bigint, $2::text, $3::bigint)

-- name: not_a_duplicate
SELECT handback.not_a_duplicate($1::bigint, $2::text) AS proposal

-- name: hold_approve
SELECT handback.approve($1::bigint, $2::text) AS event

-- name: hold_reject
SELECT handback.reject($1::bigint, $2::text) AS event

-- name: hold_unfinished
-- Is a large proposal approved, and not done to its end? $1 proposal.
SELECT p.proposal_id AS proposal, p.holds
FROM handback.proposal p
JOIN handback.proposal_end e ON e.proposal_id = p.proposal_id AND e.how = 'approved'
WHERE p.proposal_id = $1::bigint AND p.holds > handback.piece_size()
	AND NOT EXISTS (SELECT FROM handback.proposal_piece c WHERE c.proposal_id = p.proposal_id AND c.remaining = 0)

-- name: hold_continue
-- The next piece of it.
SELECT decided, left_out, remaining FROM handback.continue_proposal($1::bigint)

-- name: hold_accepted
-- What a proposal accepts, for the one who approves it. $1 proposal.
SELECT p.difference FROM handback.proposal p WHERE p.proposal_id = $1::bigint AND p.difference IS NOT NULL AND p.proposed_by <> session_user

-- name: hold_left_out
-- What a proposal left out, and why. $1 proposal, $2 at most so many.
SELECT l.hold_id AS hold, l.why FROM handback.proposal_left_out l WHERE l.proposal_id = $1::bigint ORDER BY l.hold_id LIMIT $2::bigint

-- name: proposals
-- Proposals: those that wait for another person or are not done to their end, or all with --all. $1 all, $2 only this one.
SELECT p.proposal_id AS proposal, CASE WHEN e.how = 'approved' AND p.holds > handback.piece_size() AND coalesce(c.remaining, p.holds) > 0
		THEN 'in_progress' ELSE coalesce(e.how, 'proposed') END AS state, p.decision, p.holds,
	CASE WHEN e.how = 'approved' THEN (SELECT count(*) FROM handback.proposal_left_out l WHERE l.proposal_id = p.proposal_id) END AS left_out,
	CASE WHEN e.how = 'approved' AND p.holds > handback.piece_size() THEN coalesce(c.remaining, p.holds) END AS remaining,
	p.points, p.proposed_at AS proposed, p.proposed_by, p.why, p.difference, e.ended_at AS ended, e.ended_by, e.why AS answer
FROM handback.proposal p
LEFT JOIN handback.proposal_end e USING (proposal_id)
LEFT JOIN LATERAL (SELECT min(c.remaining) AS remaining FROM handback.proposal_piece c WHERE c.proposal_id = p.proposal_id) c ON true
WHERE ($2::bigint IS NULL OR p.proposal_id = $2) AND ($1::boolean OR e.proposal_id IS NULL OR (e.how = 'approved' AND p.holds > handback.piece_size() AND coalesce(c.remaining, p.holds) > 0))
ORDER BY p.proposal_id

-- name: proposal_holds
-- The holds that a proposal is about. $1 proposal, $2 at most so many.
SELECT h.hold_id AS hold, p.code AS partner, h.file_id AS file, f.name_shown AS name, h.record_no AS record, h.reason, h.points, h.redemption_id,
	coalesce(e.how, 'open') AS state
FROM handback.proposal_hold n
JOIN handback.hold_now h USING (hold_id)
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
LEFT JOIN handback.hold_end e ON e.hold_id = h.hold_id
WHERE n.proposal_id = $1::bigint
ORDER BY h.hold_id
LIMIT $2::bigint
