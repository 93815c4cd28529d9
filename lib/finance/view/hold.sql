-- name: holds
-- Open holds, the oldest first. $1 partner, $2 reason, $3 file, $4 at most so many, $5 behind this hold, $6 to whom it was given. What is shown of
-- each is looked for when it is known which they are.
WITH page AS MATERIALIZED (
	SELECT h.*
	FROM handback.hold_now h
	WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
		AND ($1::text IS NULL OR h.file_id IN (SELECT f.file_id FROM handback.file f JOIN handback.partner p USING (partner_id) WHERE p.code = $1))
		AND ($2::text IS NULL OR h.reason = $2)
		AND ($3::bigint IS NULL OR h.file_id = $3)
		AND ($5::bigint IS NULL OR h.hold_id > $5)
		AND ($6::text IS NULL OR (h.hold_id IN (SELECT n.hold_id FROM handback.hold_note n WHERE n.assigned = $6)
			AND $6 = (SELECT n.assigned FROM handback.hold_note n WHERE n.hold_id = h.hold_id AND n.assigned IS NOT NULL
				ORDER BY n.note_id DESC LIMIT 1)))
	ORDER BY h.hold_id
	LIMIT $4::bigint
)
SELECT
	h.hold_id AS hold,
	h.opened_at AS opened,
	CASE
		WHEN waited >= interval '2 days' THEN floor(extract(epoch FROM waited) / 86400)::bigint || ' d'
		WHEN waited >= interval '2 hours' THEN floor(extract(epoch FROM waited) / 3600)::bigint || ' h'
		ELSE floor(extract(epoch FROM waited) / 60)::bigint || ' min'
	END AS age,
	p.code AS partner,
	h.file_id AS file,
	f.name_shown AS name,
	h.record_no AS record,
	h.reason,
	h.points,
	h.redemption_id,
	CASE
		WHEN v.reinstatement_id IS NOT NULL AND v.credit_id IS NULL THEN 'reinstated'
		WHEN v.reversal_id IS NOT NULL THEN 'reversed'
		WHEN EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = h.redemption_id AND o.outcome = :OUTCOME_CONFIRMED)
			THEN 'confirmed'
	END AS redemption_state,
	(SELECT n.assigned FROM handback.hold_note n WHERE n.hold_id = h.hold_id AND n.assigned IS NOT NULL ORDER BY n.note_id DESC LIMIT 1) AS owner,
	(SELECT n.proposal_id FROM handback.proposal_hold n WHERE n.hold_id = h.hold_id
		AND NOT EXISTS (SELECT FROM handback.proposal_end e WHERE e.proposal_id = n.proposal_id)
		ORDER BY n.proposal_id DESC LIMIT 1) AS proposal,
	(SELECT n.comment FROM handback.hold_note n WHERE n.hold_id = h.hold_id AND n.comment IS NOT NULL
		ORDER BY n.note_id DESC LIMIT 1) AS comment,
	r.action_required
FROM page h
CROSS JOIN LATERAL (SELECT transaction_timestamp() - h.opened_at AS waited) age
LEFT JOIN ledger.reversal v ON v.redemption_id = h.redemption_id
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason r USING (reason)
ORDER BY h.hold_id

-- name: holds_by_reason
-- Open holds by reason and age; of those of one redemption the first counts. Words are looked up for the sums, not for each hold.
WITH summed AS (
	SELECT h.reason, h.file_id,
		count(*) FILTER (WHERE h.record_no IS NULL) AS files,
		count(h.record_no) AS records,
		sum(h.points) AS points,
		count(*) FILTER (WHERE h.opened_at > transaction_timestamp() - interval '1 day') AS today,
		count(*) FILTER (WHERE h.opened_at <= transaction_timestamp() - interval '7 days') AS older,
		count(*) AS holds,
		min(h.opened_at) AS oldest
	FROM handback.hold_open h
	WHERE h.counts
	GROUP BY h.reason, h.file_id
)
SELECT
	h.reason,
	sum(h.files) AS files,
	sum(h.records) AS records,
	coalesce(sum(h.points), 0) AS points,
	sum(h.today) AS today,
	sum(h.holds - h.today - h.older) AS week,
	sum(h.older) AS older,
	min(h.oldest) AS oldest,
	r.action_required
FROM summed h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason r USING (reason)
WHERE $1::text IS NULL OR p.code = $1
GROUP BY h.reason, r.action_required
ORDER BY h.reason

-- name: holds_ended
-- Holds that have ended, the newest first. $1 partner, $2 reason, $3 file, $4 at most so many.
SELECT
	h.hold_id AS hold,
	e.ended_at AS ended,
	e.how,
	e.ended_by,
	p.code AS partner,
	h.file_id AS file,
	f.name_shown AS name,
	h.record_no AS record,
	h.reason,
	h.points,
	h.redemption_id,
	h.opened_at AS opened
FROM handback.hold_end e
JOIN handback.hold_now h USING (hold_id)
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE ($1::text IS NULL OR p.code = $1)
	AND ($2::text IS NULL OR h.reason = $2)
	AND ($3::bigint IS NULL OR h.file_id = $3)
ORDER BY e.ended_at DESC, h.hold_id
LIMIT $4::bigint

-- name: hold_facts
-- All that is known of one hold: both sides of it.
SELECT
	h.hold_id AS hold,
	CASE WHEN e.hold_id IS NULL THEN 'open' ELSE e.how END AS state,
	h.reason,
	r.meaning,
	r.action_required,
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
	(SELECT sum(c.points) FROM handback.counted_parts(d.redemption_id) c) AS answered_points,
	d.member,
	d.merchant,
	d.outbound_reference,
	d.partner_reference,
	d.redeemed_at AS redeemed,
	(SELECT concat_ws(', ', q.state, CASE WHEN q.file IS NOT NULL THEN 'in ' || q.file END,
		to_char(q.due_at AT TIME ZONE 'UTC', '"answer due" YYYY-MM-DD')) FROM points.questions q WHERE q.hold_id = h.hold_id) AS question,
	f.archived_as,
	handback.purged_at(f.file_id) AS purged
FROM handback.hold_now h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason r USING (reason)
LEFT JOIN handback.hold_end e USING (hold_id)
LEFT JOIN handback.file released ON released.release_of = f.file_id AND h.record_no IS NULL
-- as it is held now: a rematch may have found what it was unknown for at first
LEFT JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = (
	SELECT max(x.revision) FROM handback.outcome x
	WHERE x.file_id = h.file_id AND x.record_no = h.record_no AND x.outcome = :OUTCOME_HELD)
LEFT JOIN handback.verdict_name v USING (verdict)
LEFT JOIN ledger.redemption d ON d.redemption_id = h.redemption_id
LEFT JOIN LATERAL (SELECT handback.redemption_state(d.redemption_id) AS state WHERE d.redemption_id IS NOT NULL) s
	ON true
WHERE h.hold_id = $1::bigint

-- name: hold_siblings
-- The other open holds of the redemption that a hold is about: one decision settles them.
SELECT o.hold_id AS hold, p.code AS partner, o.file_id AS file, f.name_shown AS name, o.record_no AS record, o.reason, v.name AS verdict,
	l.points AS stated_points, o.opened_at AS opened
FROM handback.hold_now h
JOIN handback.hold_open o ON o.redemption_id = h.redemption_id AND o.hold_id <> h.hold_id
JOIN handback.file f ON f.file_id = o.file_id
JOIN handback.partner p USING (partner_id)
JOIN handback.outcome l ON l.file_id = o.file_id AND l.record_no = o.record_no AND l.revision = 0
JOIN handback.verdict_name v USING (verdict)
WHERE h.hold_id = $1::bigint
ORDER BY o.hold_id

-- name: hold_corrections
-- What a held record, or (record 0) a file, replaces, or is replaced by, on either side of a correction.
SELECT x.relation, x.file_id AS file, f.name_shown AS name, nullif(x.record_no, 0) AS record, v.name AS verdict, n.name AS outcome,
	o.hold_reason AS reason, coalesce(d.points, o.points) AS points, o.redemption_id, handback.redemption_state(d.redemption_id) AS state,
	d.external_reference
FROM handback.hold h
CROSS JOIN LATERAL (
	SELECT CASE WHEN c.corrected_record = 0 THEN 'it is void by this record' ELSE 'it is replaced by this record' END AS relation,
		c.corrected_file AS file_id, c.corrected_record AS record_no
	FROM handback.correction_of c
	WHERE c.file_id = h.file_id AND c.record_no = h.record_no
	UNION ALL
	SELECT CASE WHEN c.corrected_record = 0 THEN 'it says that this file is void' ELSE 'it replaces this record' END, c.file_id, c.record_no
	FROM handback.correction_of c
	WHERE c.corrected_file = h.file_id AND c.corrected_record IN (h.record_no, 0)) x
JOIN handback.file f ON f.file_id = x.file_id
LEFT JOIN LATERAL (
	SELECT o.* FROM handback.outcome o
	WHERE o.file_id = x.file_id AND o.record_no = x.record_no AND x.record_no > 0
	ORDER BY o.revision DESC
	LIMIT 1) o ON true
LEFT JOIN handback.verdict_name v ON v.verdict = o.verdict
LEFT JOIN handback.outcome_name n ON n.outcome = o.outcome
LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
WHERE h.hold_id = $1::bigint
ORDER BY x.file_id, x.record_no
LIMIT 100

-- name: hold_steps
-- What people did about one hold, in order.
SELECT a.at, a.who, a.what, n.proposal_id AS proposal, a.why, a.detail, encode(a.rules_sha256, 'hex') AS rules_sha256
FROM (
	SELECT event_id, NULL::bigint AS proposal_id FROM handback.hold_note WHERE hold_id = $1::bigint
	UNION ALL
	SELECT p.event_id, p.proposal_id FROM handback.proposal p JOIN handback.proposal_hold h USING (proposal_id)
	WHERE h.hold_id = $1
	UNION ALL
	SELECT e.event_id, e.proposal_id FROM handback.proposal_end e JOIN handback.proposal_hold h USING (proposal_id)
	WHERE h.hold_id = $1
) n
JOIN audit.event a USING (event_id)
ORDER BY a.event_id

-- name: hold_candidates
-- For a record that was matched to nothing: redemptions of its partner that it could mean, with what speaks
-- for each and what against it. A verdict on a whole message of ours means all that were sent in it: they have the
-- message, or "message/line", as our reference.
-- What is asked about comes first, alone: before a new ledger has statistics the planner would rather join all records with all redemptions.
WITH asked AS MATERIALIZED (
	SELECT h.reason, p.code AS partner, o.reference, o.points, o.decided_at,
		CASE WHEN h.reason = 'whole_message' THEN coalesce(o.reference, f.original_message) END AS message
	FROM handback.hold h
	JOIN handback.file f USING (file_id)
	JOIN handback.partner p USING (partner_id)
	JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
	WHERE h.hold_id = $1::bigint AND h.redemption_id IS NULL
		AND NOT EXISTS (SELECT FROM handback.hold_found u WHERE u.hold_id = h.hold_id AND u.redemption_id IS NOT NULL)
)
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
FROM asked o
JOIN ledger.redemption d ON d.partner = o.partner AND d.redeemed_at < o.decided_at AND (
	d.outbound_reference = o.reference OR d.partner_reference = o.reference OR d.outbound_reference = o.message
	OR starts_with(d.outbound_reference, o.message || '/')
	OR (d.points = o.points AND d.redeemed_at > o.decided_at - interval '60 days'))
CROSS JOIN LATERAL (SELECT coalesce(d.outbound_reference = o.message
	OR starts_with(d.outbound_reference, o.message || '/'), false) AS whole) m
CROSS JOIN LATERAL (SELECT handback.redemption_state(d.redemption_id) AS state) s
ORDER BY m.whole DESC, (d.outbound_reference = o.reference OR d.partner_reference = o.reference) DESC NULLS LAST, s.state <> 'open',
	d.redeemed_at DESC
LIMIT CASE WHEN (SELECT reason FROM asked) = 'whole_message' THEN 10000 ELSE 20 END

-- name: releases
-- Held files that may go and have not gone, and why. $1 partner.
SELECT w.hold_id AS hold, w.file_id AS file, p.code AS partner, f.name_shown AS name, w.reason, w.approved_at AS approved,
	w.approved_by, w.failed_at AS failed, w.why
FROM handback.release_waiting w
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE $1::text IS NULL OR p.code = $1
ORDER BY w.approved_at NULLS FIRST, w.file_id
