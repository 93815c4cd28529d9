-- name: points_requests
-- $1: partner, $2: programme, $3: state, $4: at most so many.
SELECT r.received_at AS received, r.request_key AS key, r.programme, r.partner, r.points, r.state, r.sponsor, s.batch_no AS batch, r.outbound_reference,
	r.why
FROM points.requests r
LEFT JOIN LATERAL (SELECT s.batch_no FROM points.sending s WHERE s.request_no = r.request_no ORDER BY s.nth DESC LIMIT 1) s ON true
WHERE ($1::text IS NULL OR r.partner = $1) AND ($2::text IS NULL OR r.programme = $2) AND ($3::text IS NULL OR r.state = $3)
ORDER BY r.request_no DESC
LIMIT $4::bigint

-- name: points_request
-- One request. $1: programme, $2: key.
SELECT r.request_no, r.programme, r.request_key AS key, r.state, r.why, r.partner, r.points, r.member, r.account, r.sponsor, r.reason,
	r.client_id AS client, r.received_at AS received, r.not_before, s.batch_no AS batch, o.owner, r.external_reference, r.outbound_reference
FROM points.requests r
LEFT JOIN LATERAL (SELECT s.batch_no FROM points.sending s WHERE s.request_no = r.request_no ORDER BY s.nth DESC LIMIT 1) s ON true
LEFT JOIN points.batch_owner_now o ON o.batch_no = s.batch_no
WHERE r.programme = $1::text AND r.request_key = $2::text

-- name: points_receipts
-- What each call that asked for it was answered. $1: programme, $2: key.
SELECT c.received_at AS received, c.client_id AS client, c.batch_id AS call, c.n, c.code, c.again, c.why
FROM points.receipt c JOIN api.programme_code p ON p.programme_id = c.programme_id
WHERE p.code = $1::text AND c.request_key = $2::text
ORDER BY c.received_at, c.batch_id, c.n

-- name: points_batches
-- $1: partner, $2: programme, $3: open, or closed, $4: at most so many.
SELECT b.batch_no AS batch, b.programme, b.partner, b.sequence AS number, b.opened_at AS opened, b.target, b.file, b.placed_at AS placed, b.requests,
	b.requested, b.sent, b.acknowledged, b.credited, b.rejected, b.reversed, b.unknown, b.open, b.ended_at AS closed, CASE WHEN b.ended_at IS NULL THEN o.owner END AS owner
FROM points.batches b JOIN points.batch_owner_now o USING (batch_no)
WHERE ($1::text IS NULL OR b.partner = $1) AND ($2::text IS NULL OR b.programme = $2)
	AND ($3::text IS NULL OR ($3 = 'closed') = (b.ended_at IS NOT NULL))
ORDER BY b.batch_no DESC
LIMIT $4::bigint

-- name: points_batch
-- One batch. $1: its number.
SELECT b.batch_no AS batch, b.programme, b.partner, b.sequence AS number, b.cut_off, b.opened_at AS opened, b.file, b.placed_at AS placed, b.requests,
	b.requested, b.sent, b.acknowledged, b.credited, b.rejected, b.reversed, b.unknown, b.open, b.ended_at AS closed, o.owner
FROM points.batches b JOIN points.batch_owner_now o USING (batch_no)
WHERE b.batch_no = $1::bigint

-- name: points_batch_requests
-- The requests of a batch, those that are open first. $1: its number, $2: at most so many.
SELECT s.place, r.request_key AS key, r.points, b.state, d.outbound_reference, d.external_reference
FROM points.batch_request b
JOIN points.request r ON r.request_no = b.request_no
JOIN points.sending s ON s.request_no = b.request_no AND s.batch_no = b.batch_no
LEFT JOIN ledger.redemption d ON d.redemption_id = r.entry_id
WHERE b.batch_no = $1::bigint
ORDER BY b.state <> 'open', s.place
LIMIT $2::bigint

-- name: points_batch_files
-- What the partner's files say of a batch. $1: its number, $2: at most so many.
SELECT f.file_id AS file, f.file AS name, f.answers, f.stated, f.credited, f.reversed, f.held, f.records
FROM points.batch_files f WHERE f.batch_no = $1::bigint ORDER BY f.file_id LIMIT $2::bigint

-- name: points_unanswered
-- $1: partner, $2: programme.
SELECT u.partner, u.programme, u.days, u.requests, u.points, u.owner, u.batch_no AS batch, u.sequence AS number, u.since
FROM points.unanswered u
WHERE ($1::text IS NULL OR u.partner = $1) AND ($2::text IS NULL OR u.programme = $2)
ORDER BY u.days DESC, u.partner, u.programme, u.batch_no

-- name: points_questions
-- What partners were asked, the newest first. $1: partner, $2: programme, $3: state, $4: at most so many.
SELECT q.question_no AS question, q.partner, q.programme, q.kind, q.state, q.points, q.file, q.asked_at AS asked, q.due_at AS due, q.settled,
	q.hold_id AS hold, q.request_key AS key
FROM points.questions q
WHERE ($1::text IS NULL OR q.partner = $1) AND ($2::text IS NULL OR q.programme = $2) AND ($3::text IS NULL OR q.state = $3)
ORDER BY q.question_no DESC
LIMIT $4::bigint

-- name: points_partners
SELECT p.programme, p.partner, p.open, p.schedule, p.zone, p.closes, p.waiting, p.waiting_points, p.account, p.target, p.file_after, p.request_points, p.person_points, p.person_days,
	p.prefix, p.proposed_by, p.approved_by, p.since
FROM points.partners p ORDER BY p.programme, p.partner

-- name: points_sponsors
SELECT s.programme, s.sponsor, s.open, s.cap, s.paid_today, s.balance, s.held, s.held_points, s.account, s.proposed_by, s.approved_by, s.since
FROM points.sponsors s ORDER BY s.programme, s.sponsor

-- name: points_links
-- $1: partner, $2: programme, $3: at most so many.
SELECT l.programme, l.partner, l.account, l.member, l.proof, l.made_at AS since, l.made_by
FROM points.links l
WHERE ($1::text IS NULL OR l.partner = $1) AND ($2::text IS NULL OR l.programme = $2)
ORDER BY l.programme, l.partner, l.account
LIMIT $3::bigint

-- name: points_proposals
-- Those that wait first. $1: at most so many.
SELECT p.proposal_id AS proposal, p.state, p.kind, p.programme, coalesce(r.request_key, p.subject) AS subject, a.detail, p.why, p.proposed_at AS proposed,
	p.proposed_by, p.ended_at AS ended, p.ended_by, p.answer
FROM points.proposals p
JOIN points.proposal q USING (proposal_id)
LEFT JOIN audit.event a ON a.event_id = q.event_id
LEFT JOIN points.request r ON p.kind = 'request' AND r.request_no::text = p.subject
ORDER BY p.state <> 'open', p.proposal_id DESC
LIMIT $1::bigint

-- name: points_terms
-- $1: programme, $2: partner, $3: names, $4: values, $5: why. A list is written with commas.
SELECT points.propose_partner($1::text, $2::text, (SELECT coalesce(pg_catalog.jsonb_object_agg(c.name, CASE
		WHEN c.name IN ('holidays', 'days') THEN pg_catalog.to_jsonb(pg_catalog.string_to_array(c.value, ','))
		WHEN c.value = '' THEN 'null' ELSE pg_catalog.to_jsonb(c.value) END), '{}')
	FROM unnest($3::text[], $4::text[]) c (name, value)), $5::text) AS number

-- name: points_sponsor
-- $1: programme, $2: sponsor, $3: its account, $4: cap, $5: open, or closed, $6: why.
SELECT points.propose_sponsor($1::text, $2::text, $3::text, $4::bigint, $5::text = 'open', $6::text) AS number

-- name: points_release
-- $1: programme, $2: key, $3: why.
SELECT points.propose_request($1::text, $2::text, $3::text) AS number

-- name: points_approve
SELECT points.approve($1::integer, $2::text), $1::integer AS number

-- name: points_reject
SELECT points.reject($1::integer, $2::text), $1::integer AS number

-- name: points_assign
SELECT points.assign_batch($1::bigint, $2::text, $3::text), $1::bigint AS number

-- name: points_link
-- $1: programme, $2: partner, $3: account, $4: member or NULL, $5: proof.
SELECT points.link_account($1::text, $2::text, $3::text, $4::text, $5::text) AS number

-- name: points_unlink
SELECT points.unlink_account($1::text, $2::text, $3::text, $4::text) AS number
