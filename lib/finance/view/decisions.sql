-- name: decisions_people
-- Who did what about holds in a period. $1 partner, $2 from, $3 to. Points are of the holds that are in scope.
WITH hold AS (
	SELECT ph.proposal_id, count(*) AS holds, sum(coalesce(d.points, h.points, 0)) AS points
	FROM handback.proposal_hold ph
	JOIN handback.proposal q USING (proposal_id)
	JOIN handback.hold h USING (hold_id)
	JOIN handback.file f USING (file_id)
	JOIN handback.partner p USING (partner_id)
	LEFT JOIN ledger.redemption d ON d.redemption_id = coalesce(q.redemption_id, h.redemption_id)
	WHERE $1::text IS NULL OR p.code = $1
	GROUP BY ph.proposal_id
), did AS (
	SELECT q.proposed_by AS person, 'proposed' AS what, q.proposed_at AS at, h.holds, h.points
	FROM handback.proposal q JOIN hold h USING (proposal_id)
	UNION ALL
	SELECT e.ended_by, e.how, e.ended_at, h.holds, h.points
	FROM handback.proposal_end e JOIN hold h USING (proposal_id)
	UNION ALL
	SELECT n.who, CASE WHEN n.assigned IS NULL THEN 'commented' ELSE 'assigned' END, n.at, 1, 0
	FROM handback.hold_note n JOIN handback.hold h USING (hold_id) JOIN handback.file f USING (file_id)
	JOIN handback.partner p USING (partner_id)
	WHERE $1::text IS NULL OR p.code = $1
)
SELECT person, count(*) FILTER (WHERE what = 'proposed') AS proposed, count(*) FILTER (WHERE what = 'approved') AS approved,
	count(*) FILTER (WHERE what = 'rejected') AS rejected, count(*) FILTER (WHERE what = 'assigned') AS assigned,
	count(*) FILTER (WHERE what = 'commented') AS commented,
	coalesce(sum(holds) FILTER (WHERE what = 'approved'), 0) AS approved_holds,
	coalesce(sum(points) FILTER (WHERE what = 'approved'), 0) AS approved_points, max(at) AS last
FROM did
WHERE ($2::timestamptz IS NULL OR at >= $2) AND ($3::timestamptz IS NULL OR at < $3) AND what <> 'withdrawn'
GROUP BY person
ORDER BY person

-- name: decisions_ends
-- How holds ended in a period, by partner and reason: by two people, or by themselves. $1 partner, $2 from, $3 to.
SELECT p.code AS partner, h.reason, e.how, EXISTS (SELECT FROM handback.proposal_hold ph JOIN handback.proposal_end x USING (proposal_id)
		WHERE ph.hold_id = e.hold_id AND x.how = 'approved') AS by_two_people,
	count(*) AS holds, coalesce(sum(coalesce(d.points, h.points)), 0) AS points, d.currency,
	handback.major_units(sum(d.amount), d.currency) AS amount, sum(d.amount) AS minor_units
FROM handback.hold_end e
JOIN handback.hold_now h USING (hold_id)
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
LEFT JOIN ledger.redemption d ON d.redemption_id = h.redemption_id
WHERE ($1::text IS NULL OR p.code = $1)
	AND ($2::timestamptz IS NULL OR e.ended_at >= $2)
	AND ($3::timestamptz IS NULL OR e.ended_at < $3)
GROUP BY p.code, h.reason, e.how, 4, d.currency
ORDER BY p.code, h.reason, e.how, 4, d.currency

-- name: decisions_rows
-- Each hold that people decided: by whom, when, and that they were two. $1 partner, $2 from, $3 to, $4 person ('all'), $5 at
-- most so many. The newest first.
SELECT e.ended_at AS decided, h.hold_id AS hold, p.code AS partner, h.file_id AS file, h.record_no AS record, h.reason, q.decision,
	coalesce(d.points, h.points) AS points, d.currency, handback.major_units(d.amount, d.currency) AS amount,
	q.proposed_at AS proposed, q.proposed_by, e.ended_by AS approved_by, q.proposed_by <> e.ended_by AS four_eyes, q.proposal_id AS proposal,
	q.why
FROM handback.proposal_end e
JOIN handback.proposal q USING (proposal_id)
JOIN handback.proposal_hold ph USING (proposal_id)
JOIN handback.hold_now h USING (hold_id)
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
LEFT JOIN ledger.redemption d ON d.redemption_id = coalesce(q.redemption_id, h.redemption_id)
WHERE e.how = 'approved'
	AND ($1::text IS NULL OR p.code = $1)
	AND ($2::timestamptz IS NULL OR e.ended_at >= $2)
	AND ($3::timestamptz IS NULL OR e.ended_at < $3)
	AND (coalesce($4::text, 'all') = 'all' OR $4 IN (q.proposed_by, e.ended_by))
ORDER BY e.ended_at DESC, h.hold_id
LIMIT $5::bigint
