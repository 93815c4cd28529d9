-- name: verify_settings
-- For the transaction that verifies: cursors are read to their end, a look at a long history takes its time,
-- and while kept files are hashed no statement runs.
SELECT set_config('cursor_tuple_fraction', '1', true), set_config('statement_timeout', '0', true),
	set_config('idle_in_transaction_session_timeout', '0', true)

-- name: verify_tables_settings
-- Before whole tables are compared with each other. Rows are met by hash or merge: a nested loop over a history that was
-- never analysed, taken for a few rows, takes hours. Each comparison is then linear, whatever the planner believes.
SELECT set_config('enable_nestloop', 'off', true)

-- What follows names differences, at most a thousand of each kind: VERIFY_KEPT of verify.h.

-- name: verify_holds
-- Holds that do not agree with the outcomes and files that they are of. As part, file, record, message.
SELECT 'hold' AS part, file_id, record_no,
	CASE
		WHEN h.hold_id IS NULL THEN 'the record is held, and has no hold'
		WHEN w.reason IS NULL THEN format('hold %s is of a record that is not held', h.hold_id)
		WHEN h.reason <> w.reason THEN format('hold %s is for %s, its record for %s', h.hold_id, h.reason, w.reason)
		WHEN h.redemption_id IS DISTINCT FROM w.redemption_id
			THEN format('hold %s is of redemption %s, its record of %s', h.hold_id, h.redemption_id, w.redemption_id)
		WHEN h.points IS DISTINCT FROM w.points
			THEN format('hold %s is of %s points, its record of %s', h.hold_id, h.points, w.points)
		ELSE format('hold %s was opened at %s, its file decided at %s', h.hold_id, h.opened_at, w.decided_at)
	END AS message
FROM (
	SELECT o.file_id, o.record_no, o.hold_reason AS reason, o.redemption_id, coalesce(d.points, o.points) AS points,
		o.decided_at
	FROM handback.outcome o
	LEFT JOIN ledger.redemption d USING (redemption_id)
	WHERE o.outcome = :OUTCOME_HELD AND o.revision = 0
	UNION ALL
	-- of a void file, and held for the first time: as the event says that opened it
	SELECT o.file_id, o.record_no, o.hold_reason, o.redemption_id, d.points, a.at
	FROM handback.outcome o
	JOIN audit.event a ON a.event_id = o.event_id AND a.what = 'void_opened'
	LEFT JOIN ledger.redemption d USING (redemption_id)
	WHERE o.outcome = :OUTCOME_HELD AND o.revision > 0
		AND EXISTS (SELECT FROM handback.hold h WHERE (h.file_id, h.record_no, h.opened_at) = (o.file_id, o.record_no, a.at) AND h.reopens IS NULL)
) w
FULL JOIN (SELECT * FROM handback.hold WHERE record_no IS NOT NULL AND reopens IS NULL) h USING (file_id, record_no)
WHERE (h.reason, h.redemption_id, h.points, h.opened_at)
	IS DISTINCT FROM (w.reason, w.redemption_id, w.points, w.decided_at)
UNION ALL
SELECT 'hold', o.file_id, o.record_no, format('event %s opened its hold; there is none of that time', o.event_id)
FROM handback.outcome o
JOIN audit.event a ON a.event_id = o.event_id AND a.what = 'void_opened'
WHERE o.revision > 0 AND NOT EXISTS (
	SELECT FROM handback.hold h WHERE h.file_id = o.file_id AND h.record_no = o.record_no AND h.opened_at = a.at AND h.redemption_id = o.redemption_id)
UNION ALL
SELECT 'hold', file_id, NULL,
	CASE
		WHEN h.hold_id IS NULL THEN 'the file is held, and has no hold'
		WHEN f.file_id IS NULL THEN format('hold %s is of a file that is not held', h.hold_id)
		WHEN h.reason <> f.hold_reason THEN format('hold %s is for %s, its file for %s', h.hold_id, h.reason, f.hold_reason)
		ELSE format('hold %s was opened at %s, its file decided at %s', h.hold_id, h.opened_at, f.decided_at)
	END
FROM (
	SELECT file_id, hold_reason, decided_at FROM handback.file WHERE state = 'held'
	UNION ALL
	-- a duplicate is only on hold when an event says so
	SELECT d.file_id, a.what, a.at
	FROM audit.event a JOIN handback.file d ON a.subject = 'file ' || d.file_id
	WHERE a.what = 'not_a_duplicate' AND d.state = 'duplicate') f
FULL JOIN (SELECT * FROM handback.hold WHERE record_no IS NULL AND reopens IS NULL) h USING (file_id)
WHERE (h.reason, h.opened_at) IS DISTINCT FROM (f.hold_reason, f.decided_at)
UNION ALL
SELECT 'hold', h.file_id, h.record_no, format('hold %s is said to reopen hold %s; no proposal that was approved says so', h.hold_id, h.reopens)
FROM handback.hold h
WHERE h.reopens IS NOT NULL AND NOT EXISTS (
	-- of a void file
	SELECT FROM handback.outcome o
	JOIN audit.event a ON a.event_id = o.event_id AND a.what = 'void_opened' AND a.at = h.opened_at
	WHERE o.file_id = h.file_id AND o.record_no = h.record_no AND o.redemption_id = h.redemption_id AND o.revision > 0
) AND NOT EXISTS (
	SELECT FROM handback.proposal_hold ph
	JOIN handback.proposal p USING (proposal_id)
	JOIN handback.proposal_end e USING (proposal_id)
	JOIN handback.hold o ON o.hold_id = ph.hold_id
	LEFT JOIN handback.proposal_piece c ON c.proposal_id = p.proposal_id
	LEFT JOIN audit.event a ON a.event_id = c.event_id
	WHERE ph.hold_id = h.reopens AND p.decision = 'reopen' AND e.how = 'approved' AND h.opened_at IN (e.ended_at, a.at)
		AND (o.file_id, o.record_no) IS NOT DISTINCT FROM (h.file_id, h.record_no))
UNION ALL
SELECT 'hold', h.file_id, h.record_no, format('hold %s ended at %s, before it was opened', e.hold_id, e.ended_at)
FROM handback.hold_end e
JOIN handback.hold h USING (hold_id)
WHERE e.ended_at < h.opened_at
LIMIT 1000

-- name: verify_accepted
-- Differences that two people or more accepted: what each is called, and who said why.
SELECT encode(d.difference, 'hex') AS difference, string_agg(format('%s: %s', d.accepted_by, d.why), '; ' ORDER BY d.accepted_at) AS said
FROM handback.difference_acceptance d
GROUP BY d.difference
HAVING count(*) > 1

-- name: verify_people
-- What people did, beside the events that prove it. As part, file, record, message.
WITH note AS (
	SELECT n.*, CASE WHEN n.assigned IS NULL THEN 'commented' ELSE 'assigned' END AS what
	FROM handback.hold_note n
), proposed AS (
	SELECT p.*, (SELECT array_agg(h.hold_id ORDER BY h.hold_id) FROM handback.proposal_hold h
		WHERE h.proposal_id = p.proposal_id) AS hold_ids
	FROM handback.proposal p
)
SELECT 'note' AS part, NULL::bigint AS file_id, NULL::bigint AS record_no,
	format('note %s on hold %s is not what event %s says', n.note_id, n.hold_id, n.event_id) AS message
FROM note n
LEFT JOIN audit.event a USING (event_id)
WHERE (a.what, a.subject, a.who, a.at, a.why, a.detail)
	IS DISTINCT FROM (n.what, 'hold ' || n.hold_id, n.who, n.at, n.comment, n.assigned)
UNION ALL
SELECT 'note', NULL, NULL, format('that %s accepts difference %s is not what event %s says', d.accepted_by, encode(d.difference, 'hex'), d.event_id)
FROM handback.difference_acceptance d
LEFT JOIN audit.event a USING (event_id)
WHERE (a.what, a.subject, a.who, a.at, a.why)
	IS DISTINCT FROM ('difference_accepted', 'difference ' || encode(d.difference, 'hex'), d.accepted_by, d.accepted_at, d.why)
UNION ALL
SELECT 'proposal', NULL, NULL, format('proposal %s is not what event %s says', p.proposal_id, p.event_id)
FROM proposed p
LEFT JOIN audit.event a USING (event_id)
WHERE (a.what, a.subject, a.who, a.at, a.why, a.detail, cardinality(p.hold_ids)) IS DISTINCT FROM
	('proposed', 'proposal ' || p.proposal_id, p.proposed_by, p.proposed_at, p.why,
		format('%s %s holds of %s points: %s', p.decision, p.holds, p.points, handback.holds_text(p.hold_ids)
			|| coalesce(', redemption ' || p.redemption_id, '') || coalesce(', accepting the difference: ' || p.difference, '')), p.holds)
UNION ALL
SELECT 'proposal', NULL, NULL, format('the end of proposal %s is not what event %s says', e.proposal_id, e.event_id)
FROM handback.proposal_end e
JOIN handback.proposal p USING (proposal_id)
LEFT JOIN audit.event a ON a.event_id = e.event_id
WHERE (a.what, a.subject, a.who, a.at, a.why, a.detail, e.proposed_by) IS DISTINCT FROM
	(e.how, 'proposal ' || e.proposal_id, e.ended_by, e.ended_at, e.why,
		format('%s %s holds of %s points, proposed by %s', p.decision, p.holds, p.points, p.proposed_by)
			|| coalesce(', left out: ' || (SELECT handback.left_out_text(array_agg(l.hold_id), array_agg(l.why))
				FROM handback.proposal_left_out l WHERE l.event_id = e.event_id), ''), p.proposed_by)
UNION ALL
-- a large proposal is done in pieces: each by its number, up to a hold, with what was left out
SELECT 'proposal', NULL, NULL, format('piece %s of proposal %s is not what event %s says', c.piece, c.proposal_id, c.event_id)
FROM handback.proposal_piece c
LEFT JOIN audit.event a USING (event_id)
WHERE (a.what, a.subject, a.detail) IS DISTINCT FROM
	('decided', 'proposal ' || c.proposal_id, format('piece %s, up to hold %s', c.piece, c.last_hold)
		|| coalesce(', left out: ' || (SELECT handback.left_out_text(array_agg(l.hold_id), array_agg(l.why))
			FROM handback.proposal_left_out l WHERE l.event_id = c.event_id), ''))
UNION ALL
SELECT 'proposal', NULL, NULL, format('hold %s is said to have been left out of proposal %s; event %s says no such thing', l.hold_id,
	l.proposal_id, l.event_id)
FROM handback.proposal_left_out l
LEFT JOIN audit.event a ON a.event_id = l.event_id AND a.what IN ('approved', 'decided') AND a.subject = 'proposal ' || l.proposal_id
WHERE a.event_id IS NULL
UNION ALL
SELECT 'hold', h.file_id, h.record_no, format('hold %s is said to have ended as %s by %s at %s; no proposal that was approved says so',
	h.hold_id, d.how, d.ended_by, d.ended_at)
FROM handback.hold_end d
JOIN handback.hold h USING (hold_id)
WHERE d.how NOT IN ('rematched', 'unknown_reference_expired', 'overtaken') AND NOT EXISTS (
	SELECT FROM handback.proposal_hold ph
	JOIN handback.proposal p USING (proposal_id)
	JOIN handback.proposal_end e USING (proposal_id)
	LEFT JOIN handback.proposal_piece c ON c.proposal_id = p.proposal_id
	LEFT JOIN audit.event a ON a.event_id = c.event_id
	WHERE ph.hold_id = d.hold_id AND e.how = 'approved'
		AND ((e.ended_at = d.ended_at AND e.ended_by = d.ended_by) OR (a.at = d.ended_at AND a.who = d.ended_by))
		AND d.how = CASE p.decision WHEN 'confirm' THEN 'confirmed' WHEN 'reverse' THEN 'reversed'
			WHEN 'reinstate' THEN 'reinstated' WHEN 'credit' THEN 'credited' WHEN 'release' THEN 'released' ELSE 'closed' END)
	-- what waited for another file is released by itself, as it is decided
	AND NOT (d.how = 'released' AND h.reason IN ('sequence_gap', 'part_missing') AND EXISTS (
		SELECT FROM handback.file r WHERE r.release_of = h.file_id AND r.decided_at = d.ended_at))
UNION ALL
-- and the other way: what was decided has ended its hold (of many holds, piece by piece)
SELECT 'hold', h.file_id, NULL, format('hold %s is open; proposal %s, which was approved, ended it', h.hold_id, e.proposal_id)
FROM handback.proposal_end e
JOIN handback.proposal_hold ph USING (proposal_id)
JOIN handback.hold h USING (hold_id)
WHERE e.how = 'approved' AND h.record_no IS NULL AND NOT EXISTS (SELECT FROM handback.hold_end d WHERE d.hold_id = h.hold_id)
	AND NOT EXISTS (SELECT FROM handback.proposal_piece c WHERE c.proposal_id = e.proposal_id)
UNION ALL
SELECT 'hold', h.file_id, h.record_no, format('hold %s is open; revision %s of its record says %s', h.hold_id, o.revision, n.name)
FROM handback.outcome o
JOIN handback.outcome_name n USING (outcome)
JOIN handback.hold h ON h.file_id = o.file_id AND h.record_no = o.record_no
WHERE o.revision > 0 AND o.outcome <> :OUTCOME_HELD AND NOT EXISTS (SELECT FROM handback.hold_end d WHERE d.hold_id = h.hold_id)
	AND (h.reopens IS NULL OR o.decided_at > h.opened_at)   -- what it reopens had ended
UNION ALL
-- what ended by itself, or by night
SELECT 'hold', h.file_id, h.record_no, format('hold %s is said to have ended as %s by %s at %s; no later outcome says so',
	h.hold_id, d.how, d.ended_by, d.ended_at)
FROM handback.hold_end d
JOIN handback.hold h USING (hold_id)
WHERE d.how IN ('rematched', 'unknown_reference_expired', 'overtaken') AND NOT EXISTS (
	SELECT FROM handback.outcome o
	JOIN audit.event a USING (event_id)
	WHERE o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision > 0 AND o.decided_at = d.ended_at
		AND a.what = d.how AND a.who = d.ended_by)
UNION ALL
SELECT 'guarded', NULL, NULL, format('the records that the guard holds are not those that event %s says', a.event_id)
FROM audit.event a
FULL JOIN (
	SELECT g.event_id, 'file ' || min(h.file_id) AS subject, string_agg(format('hold %s redemption %s %s', g.hold_id,
		g.redemption_id, n.name), ', ' ORDER BY g.hold_id) AS detail
	FROM handback.hold_guarded g
	JOIN handback.hold h USING (hold_id)
	JOIN handback.outcome_name n USING (outcome)
	GROUP BY g.event_id) g USING (event_id)
WHERE (a.what = 'guarded' OR g.event_id IS NOT NULL)
	AND (a.what, a.subject, a.detail) IS DISTINCT FROM ('guarded', g.subject, g.detail)
UNION ALL
SELECT 'guarded', NULL, NULL, format('the records that were found and do not fit are not those that event %s says', a.event_id)
FROM audit.event a
FULL JOIN (
	SELECT u.event_id, 'file ' || min(h.file_id) AS subject,
		string_agg(format('hold %s redemption %s %s', u.hold_id, coalesce(u.redemption_id::text, '(several)'), u.reason), ', '
			ORDER BY u.hold_id) AS detail
	FROM handback.hold_found u
	JOIN handback.hold h USING (hold_id)
	GROUP BY u.event_id) u USING (event_id)
WHERE (a.what = 'rematch_held' OR u.event_id IS NOT NULL)
	AND (a.what, a.subject, a.detail) IS DISTINCT FROM ('rematch_held', u.subject, u.detail)
UNION ALL
SELECT 'purge', r.file_id, NULL, format('the files that retention purged are not those that event %s says', coalesce(a.event_id, r.event_id))
FROM (SELECT * FROM audit.event WHERE what = 'purged') a
FULL JOIN (
	SELECT event_id, min(file_id) AS file_id, string_agg(file_id::text, ' ' ORDER BY file_id) AS detail
	FROM handback.purge
	GROUP BY event_id) r USING (event_id)
WHERE (a.subject, a.detail) IS DISTINCT FROM ('files', r.detail)
UNION ALL
SELECT 'purge', r.file_id, NULL, 'retention purged its copy, which something waits for'
FROM handback.purge r
WHERE NOT EXISTS (SELECT FROM handback.purgeable_copy u WHERE u.file_id = r.file_id)
UNION ALL
SELECT 'term', substring(a.subject FROM '^file ([0-9]+)$')::bigint, NULL,
	format('the terms by which event %s confirmed what was not rejected are not those that it says', a.event_id)
FROM audit.event a
WHERE a.what = 'deemed_accepted' AND NOT EXISTS (
	SELECT FROM handback.term t
	WHERE t.term_id = substring(a.detail FROM ' by term ([0-9]{1,18}) ')::bigint
		AND split_part(a.detail, ' points, by ', 2) = handback.term_text(t)
		AND a.why = format('the partner lists its rejects, and answers within %s business days (%s)', t.within_days, t.zone))
UNION ALL
SELECT 'file', r.file_id, NULL, format('it says that it is file %s, released; the hold of that file says no such thing', r.release_of)
FROM handback.file r
WHERE r.release_of IS NOT NULL AND NOT EXISTS (
	SELECT FROM handback.file f
	JOIN handback.file_hold h ON h.file_id = f.file_id AND h.how = 'released'
	WHERE f.file_id = r.release_of AND f.sha256 = r.sha256)
UNION ALL
SELECT 'file', r.file_id, NULL, format('it says that it is file %s, decided again; that file was neither closed nor called void before', r.again_of)
FROM handback.file r
WHERE r.again_of IS NOT NULL AND NOT EXISTS (
	SELECT FROM handback.file f
	WHERE f.file_id = r.again_of AND f.release_of IS NULL AND (f.state = 'held' OR f.state = 'posted' AND EXISTS (
			SELECT FROM handback.correction_of c WHERE c.corrected_file = f.file_id AND c.corrected_record = 0 AND c.file_id < r.file_id))
		AND (f.partner_id, f.profile, f.sha256, f.statement) = (r.partner_id, r.profile, r.sha256, r.statement))
UNION ALL
SELECT 'event', NULL, NULL, format('event %s (%s, %s) has no row that says what was done', a.event_id, a.what, a.subject)
FROM audit.event a
WHERE (a.what IN ('assigned', 'commented') AND NOT EXISTS (SELECT FROM handback.hold_note n WHERE n.event_id = a.event_id)
		AND NOT EXISTS (SELECT FROM points.batch_owner o WHERE o.event_id = a.event_id))
	OR (a.what = 'difference_accepted' AND NOT EXISTS (SELECT FROM handback.difference_acceptance d WHERE d.event_id = a.event_id))
	OR (a.what = 'proposed' AND NOT EXISTS (SELECT FROM handback.proposal p WHERE p.event_id = a.event_id))
	OR (a.what = 'not_a_duplicate' AND NOT EXISTS (SELECT FROM handback.hold h
		WHERE a.subject = 'file ' || h.file_id AND h.record_no IS NULL AND h.reason = a.what AND h.opened_at = a.at))
	OR (a.what IN ('rematched', 'rematch_held', 'unknown_reference_expired', 'deemed_accepted', 'overtaken', 'group_answered', 'void_opened')
		AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.event_id = a.event_id))
	OR (a.what = 'decided' AND NOT EXISTS (SELECT FROM handback.proposal_piece c WHERE c.event_id = a.event_id))
	OR (a.what IN ('approved', 'rejected', 'withdrawn') AND NOT EXISTS (SELECT FROM handback.proposal_end e WHERE e.event_id = a.event_id))
LIMIT 1000

-- name: verify_postings
-- Postings of ours without an outcome: reversals that the ledger says are of handback, that no outcome names. Where a ledger
-- does not say whose they are, those by logins that posted for files.
-- (An outcome without its posting shows in its leaf.) As part, file, record, message.
WITH named AS (
	SELECT o.reversal_id, o.outcome FROM handback.outcome o WHERE o.reversal_id IS NOT NULL
), ours AS (
	-- who posted what files and people reversed; what an application reversed may be taken back, and is named then
	SELECT DISTINCT r.posted_by FROM ledger.reversal r JOIN named n USING (reversal_id) WHERE n.outcome = :OUTCOME_REVERSED
)
SELECT 'reversal' AS part, NULL::bigint AS file_id, NULL::bigint AS record_no,
	format('reversal %s (%s) of redemption %s, %s points, was posted by %s at %s, and no outcome names it',
		r.reversal_id, r.external_reference, r.redemption_id, r.points, r.posted_by, r.posted_at) AS message
FROM ledger.reversal r
WHERE (r.origin = 'handback' OR r.origin IS NULL AND (r.posted_by IN (SELECT posted_by FROM ours)
		-- since one of them said whose it is, all have to
		OR r.reversal_id > (SELECT min(s.reversal_id) FROM ledger.reversal s WHERE s.origin IS NOT NULL)))
	AND NOT EXISTS (SELECT FROM named n WHERE n.reversal_id = r.reversal_id)
UNION ALL
SELECT 'reversal', o.file_id, o.record_no, format('reversal %s was posted for it, and the ledger says that it is of "%s"',
	r.reversal_id, r.origin)
FROM handback.outcome o
JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
WHERE o.outcome = :OUTCOME_REVERSED AND r.origin <> 'handback'
UNION ALL
SELECT 'reversal', NULL, NULL, format('redemption %s has %s reversals', r.redemption_id, count(*))
FROM ledger.reversal r
GROUP BY r.redemption_id
HAVING count(DISTINCT r.reversal_id) > 1
UNION ALL
SELECT 'reinstatement', NULL, NULL, format('reversal %s was taken back %s times', r.reversal_id, count(*))
FROM ledger.reversal r
GROUP BY r.reversal_id
HAVING count(*) > 1
UNION ALL
-- a reinstatement is named by the outcome that two people made of it
SELECT 'reinstatement', o.file_id, o.record_no,
	format('the outcome names "%s"; reversal %s was taken back by entry %s', o.detail, o.reversal_id, r.reinstatement_id)
FROM handback.outcome o
LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
WHERE o.outcome = :OUTCOME_REINSTATED AND o.detail IS DISTINCT FROM 'reinstatement ' || r.reinstatement_id
UNION ALL
SELECT 'reinstatement', NULL, NULL, format('reversal %s was taken back by entry %s, and no outcome says so', r.reversal_id,
	r.reinstatement_id)
FROM ledger.reversal r
WHERE r.reinstatement_id IS NOT NULL
	AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = r.redemption_id AND o.outcome = :OUTCOME_REINSTATED)
UNION ALL
-- and so is a credit by correction
SELECT 'credit', o.file_id, o.record_no,
	format('the outcome names "%s"; redemption %s was credited by entry %s', o.detail, o.redemption_id, r.credit_id)
FROM handback.outcome o
LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
WHERE o.outcome = :OUTCOME_CREDITED
	AND (o.detail IS DISTINCT FROM 'credit ' || r.credit_id OR r.redemption_id <> o.redemption_id)
UNION ALL
SELECT 'credit', NULL, NULL, format('redemption %s was credited by entry %s, and no outcome says so', r.redemption_id, r.credit_id)
FROM ledger.reversal r
WHERE r.credit_id IS NOT NULL
	AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = r.redemption_id AND o.outcome = :OUTCOME_CREDITED)
LIMIT 1000

-- name: verify_corrections
-- Records that replace others, beside the outcomes that say so, on both sides. As part, file, record, message.
WITH link AS (
	SELECT c.*, o.detail, o.outcome, o.hold_reason,
		format(CASE WHEN c.corrected_record = 0 THEN ' is void, which is file %2$s' ELSE 'replaces record %s of file %s, ' END, c.corrected_record,
			c.corrected_file) AS said,
		format('record %s of file %s, which came before this one, replaces it', c.record_no, c.file_id) AS met
	FROM handback.correction_of c
	LEFT JOIN handback.outcome o ON o.file_id = c.file_id AND o.record_no = c.record_no AND o.revision = 0
)
SELECT 'outcome' AS part, l.file_id, l.record_no, format('that it replaces record %s of file %s is not what the outcomes say', l.corrected_record,
	l.corrected_file) AS message
FROM link l
WHERE NOT EXISTS (SELECT FROM handback.correction c WHERE c.file_id = l.file_id AND c.record_no = l.record_no) OR NOT CASE
	WHEN l.hold_reason = 'posting_failed' THEN true   -- it says why
	WHEN l.corrected_file < l.file_id THEN coalesce(strpos(l.detail, l.said) > 0, false)
	WHEN l.corrected_record = 0 THEN coalesce(l.hold_reason = 'file_void', false)
	ELSE EXISTS (SELECT FROM handback.outcome o WHERE o.file_id = l.corrected_file AND o.record_no = l.corrected_record AND o.revision = 0
		AND strpos(o.detail, l.met) > 0) END
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, 'it is held for a correction that no row keeps'
FROM handback.outcome o
WHERE o.hold_reason IN ('correction', 'file_void') AND o.revision = 0
	AND NOT EXISTS (SELECT FROM handback.correction c WHERE c.file_id = o.file_id AND c.record_no = o.record_no)
	AND NOT EXISTS (SELECT FROM handback.correction_of c WHERE c.corrected_file = o.file_id AND c.corrected_record = o.record_no)
UNION ALL
SELECT 'outcome', c.file_id, c.record_no, 'the record that it is said to replace is not what its outcome says'
FROM handback.correction c
LEFT JOIN handback.outcome o ON o.file_id = c.file_id AND o.record_no = c.record_no AND o.revision = 0
WHERE o.hold_reason IS DISTINCT FROM 'posting_failed' AND (NOT coalesce(o.detail ~ '^(replaces |file number [0-9]+ is void)', false)
	OR coalesce(o.detail ~ '^(replaces record [0-9]+ of file [0-9]+, which is |file number [0-9]+ is void, which is file )', false)
		<> EXISTS (SELECT FROM handback.correction_of l WHERE l.file_id = c.file_id AND l.record_no = c.record_no AND l.corrected_file < c.file_id))
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, 'what overtook it is a correction that no row keeps'
FROM handback.outcome o
JOIN audit.event a ON a.event_id = o.event_id AND a.what = 'overtaken'
WHERE o.revision > 0 AND (o.detail LIKE 'it is replaced by record %' OR o.detail LIKE 'its file is void by record %')
	AND NOT EXISTS (SELECT FROM handback.correction_of c WHERE c.corrected_file = o.file_id AND c.corrected_record IN (o.record_no, 0)
		AND o.detail LIKE format('%% by record %s of file %s', c.record_no, c.file_id))
LIMIT 1000

-- name: verify_parts
-- Redemptions that are answered in parts: each part beside the outcome that says it, and what answers a redemption by a part
-- beside the sum of its parts. As part, file, record, message.
WITH part AS (
	SELECT p.*, 'part ' || CASE WHEN p.part = format('record %s of file %s', p.record_no, p.file_id) THEN '' ELSE p.part || ' ' END
		|| 'of ' || p.points || ': ' AS head
	FROM handback.answer_part p
), said AS (
	SELECT o.file_id, o.record_no, o.redemption_id, o.points, o.verdict, o.outcome, o.detail, o.hold_reason
	FROM handback.outcome o
	JOIN part p ON p.file_id = o.file_id AND p.record_no = o.record_no
), summed AS (
	SELECT p.redemption_id, sum(p.points) AS points, count(DISTINCT p.rejected) AS answers, bool_or(p.rejected) AS rejected
	FROM part p
	LEFT JOIN handback.hold h ON h.file_id = p.file_id AND h.record_no = p.record_no
	LEFT JOIN handback.hold_end e ON e.hold_id = h.hold_id
	WHERE (e.how IS NULL OR e.how IN ('overtaken', 'rematched')) AND NOT handback.is_void_part(p.file_id, p.record_no)
	GROUP BY p.redemption_id
)
SELECT 'outcome' AS part, p.file_id, p.record_no,
	format('part "%s" of redemption %s, %s points, is not what its outcome says', p.part, p.redemption_id, p.points) AS message
FROM part p
WHERE NOT EXISTS (
	SELECT FROM said s
	WHERE s.file_id = p.file_id AND s.record_no = p.record_no AND s.redemption_id = p.redemption_id AND s.points = p.points
		AND (s.verdict = :VERDICT_REJECTED OR NOT p.rejected) AND (starts_with(s.detail, p.head) OR s.hold_reason = 'posting_failed'))
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, format('part of redemption %s: no row keeps it', o.redemption_id)
FROM handback.outcome o
WHERE o.hold_reason = 'partly_fulfilled'
	AND NOT EXISTS (SELECT FROM part p WHERE p.file_id = o.file_id AND p.record_no = o.record_no AND p.redemption_id = o.redemption_id)
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, format('redemption %s of %s points is answered by parts that come to %s', o.redemption_id,
	d.points, s.points)
FROM said o
JOIN part p ON p.file_id = o.file_id AND p.record_no = o.record_no AND p.redemption_id = o.redemption_id
JOIN summed s ON s.redemption_id = o.redemption_id
JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
WHERE o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED) AND starts_with(o.detail, p.head)
	AND (s.points <> d.points OR s.answers <> 1 OR s.rejected <> (o.outcome = :OUTCOME_REVERSED))
UNION ALL
SELECT 'outcome', g.file_id, g.record_no, format('it answers %s redemptions of %s points, and not all of them alike, or not as it says',
	g.redemptions, g.points)
FROM (
	SELECT o.file_id, o.record_no, count(*) AS redemptions, sum(d.points) AS points, count(DISTINCT o.outcome) AS outcomes
	FROM handback.outcome o
	JOIN audit.event a ON a.event_id = o.event_id AND a.what = 'group_answered'
	LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
	GROUP BY o.file_id, o.record_no) g
LEFT JOIN handback.outcome f ON f.file_id = g.file_id AND f.record_no = g.record_no AND f.revision = 0
	AND f.outcome = :OUTCOME_INFORMATIONAL AND f.redemption_id IS NULL
WHERE g.outcomes <> 1 OR f.detail IS NULL
	OR NOT starts_with(f.detail, format('it answers %s redemptions of %s points', g.redemptions, g.points))
UNION ALL
SELECT 'outcome', f.file_id, f.record_no, 'it says that it answers redemptions, and no outcome does'
FROM handback.outcome f
WHERE f.revision = 0 AND f.outcome = :OUTCOME_INFORMATIONAL AND f.redemption_id IS NULL AND f.verdict <> :VERDICT_PENDING
	AND f.detail LIKE 'it answers % redemptions of % points%'
	AND EXISTS (SELECT FROM audit.event a WHERE a.what = 'group_answered' AND a.subject = 'file ' || f.file_id)
	AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.file_id = f.file_id AND o.record_no = f.record_no AND o.revision = 1
		AND o.redemption_id IS NOT NULL)
LIMIT 1000

-- name: verify_strays
-- What no head proves, or what has no row that proves it. As part, file, record, message.
SELECT 'file' AS part, f.file_id, NULL::bigint AS record_no, 'the file has no head' AS message
FROM handback.file f
WHERE NOT EXISTS (SELECT FROM audit.head h WHERE h.file_id = f.file_id)
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, 'the outcome row belongs to no file that has a head'
FROM handback.outcome o
WHERE o.revision = 0 AND NOT EXISTS (SELECT FROM audit.head h WHERE h.file_id = o.file_id)
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, format('revision %s was decided by event %s, which has no head',
	o.revision, o.event_id)
FROM handback.outcome o
WHERE o.revision > 0 AND NOT EXISTS (SELECT FROM audit.event a JOIN audit.head h USING (head_no) WHERE a.event_id = o.event_id)
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, format('it was decided with its file, and names event %s', o.event_id)
FROM handback.outcome o
WHERE o.revision = 0 AND o.event_id IS NOT NULL
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, format('event %s does not say that redemption %s was absent', o.event_id, o.redemption_id)
FROM handback.outcome o
JOIN audit.event a USING (event_id)
WHERE o.revision > 0 AND (o.record_no = 0 OR a.what = 'deemed_accepted')
	AND (o.record_no, o.revision, o.outcome, a.what, a.subject)
		IS DISTINCT FROM (0, 1, 1, 'deemed_accepted', 'file ' || o.file_id)
UNION ALL
SELECT 'event', NULL, NULL, format('event %s (%s, %s) names head %s, which is not its own', a.event_id, a.what, a.subject,
	a.head_no)
FROM audit.event a
WHERE NOT EXISTS (SELECT FROM audit.head h WHERE h.head_no = a.head_no AND h.file_id IS NULL)
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, format('it was decided at %s, and its file at %s', o.decided_at, f.decided_at)
FROM handback.outcome o
JOIN handback.file f USING (file_id)
WHERE o.revision = 0 AND o.decided_at <> f.decided_at
UNION ALL
SELECT 'file', f.file_id, NULL, format('it was decided at %s, after its head was made at %s', f.decided_at, h.made_at)
FROM handback.file f
JOIN audit.head h USING (file_id)
WHERE f.decided_at > h.made_at
LIMIT 1000

-- name: verify_rules
-- By which rules files were judged, and people and nights decided: their texts are there, and are what their hashes say. As part, file, record, message.
SELECT 'rules' AS part, min(f.file_id) AS file_id, NULL::bigint AS record_no,
	format('the profile that judged it and %s others (SHA-256 %s) is not kept', count(*) - 1, encode(f.profile_sha256, 'hex')) AS message
FROM handback.file f
WHERE f.rules_sha256 IS NOT NULL AND NOT EXISTS (SELECT FROM handback.rule_text t WHERE t.sha256 = f.profile_sha256)
GROUP BY f.profile_sha256
UNION ALL
SELECT 'rules', min(f.file_id), NULL,
	format('the decision tables that judged it and %s others (SHA-256 %s) are not kept', count(*) - 1, encode(f.rules_sha256, 'hex'))
FROM handback.file f
WHERE f.rules_sha256 IS NOT NULL AND NOT EXISTS (SELECT FROM handback.rule_text t WHERE t.sha256 = f.rules_sha256)
GROUP BY f.rules_sha256
UNION ALL
SELECT 'rules', NULL, NULL,
	format('the decision tables by which event %s and %s others decided (SHA-256 %s) are not kept', min(a.event_id), count(*) - 1,
		encode(a.rules_sha256, 'hex'))
FROM audit.event a
WHERE a.rules_sha256 IS NOT NULL AND NOT EXISTS (SELECT FROM handback.rule_text t WHERE t.sha256 = a.rules_sha256)
GROUP BY a.rules_sha256
UNION ALL
SELECT 'rules', NULL, NULL, format('what is kept under the SHA-256 %s has the SHA-256 %s', encode(t.sha256, 'hex'),
	encode(sha256(t.text), 'hex'))
FROM handback.rule_text t
WHERE t.sha256 <> sha256(t.text)
LIMIT 1000

-- name: verify_watched
-- The list of what may be open beside the ledger: what is open and not on it would be in no report of open items, and never be
-- late. As part, file, record, message.
SELECT 'redemption' AS part, NULL::bigint AS file_id, NULL::bigint AS record_no, CASE
	WHEN m.redemption_id IS NULL THEN format('redemption %s is open, and is not among those that may be (ledger.maybe_open)', d.redemption_id)
	ELSE format('redemption %s is said to be of %s points, partner %s, at %s (ledger.maybe_open); the ledger says %s points, partner %s, at %s',
		d.redemption_id, m.points, m.partner, m.redeemed_at, d.points, d.partner, d.redeemed_at) END AS message
FROM ledger.redemption d
LEFT JOIN ledger.maybe_open m ON m.redemption_id = d.redemption_id
LEFT JOIN (SELECT redemption_id FROM ledger.reversal UNION SELECT redemption_id FROM handback.outcome WHERE outcome = :OUTCOME_CONFIRMED) a
	ON a.redemption_id = d.redemption_id
WHERE m.redemption_id IS NULL AND a.redemption_id IS NULL
	OR m.redemption_id IS NOT NULL AND (m.points, m.partner, m.programme, m.redeemed_at)
		IS DISTINCT FROM (d.points, d.partner, d.programme, d.redeemed_at)
LIMIT 1000

-- name: verify_totals
-- How much there is to verify.
SELECT
	(SELECT count(*) FROM audit.head) AS heads,
	(SELECT coalesce(sum(tree_size), 0) FROM audit.head)::bigint AS records,
	(SELECT count(*) FROM handback.file) AS files,
	(SELECT coalesce(sum(bytes), 0) FROM handback.file)::bigint AS bytes

-- name: verify_requests
-- What the API was asked, beside what it posted, in the reference ledger; entries say that they are of the API since one of
-- them did. As part, file, record, message.
WITH since AS (
	SELECT min(e.entry_id) AS entry FROM ledger.entry e WHERE e.origin = 'api'
), told (code, reason) AS (
	VALUES ('103', 'member does not exist'), ('107', 'member status is not Active'), ('113', 'member is cancelled'),
		('114', 'member is suspended'), ('120', 'points must be greater than zero'), ('208', 'merchant name is missing'),
		('302', 'insufficient points'), ('301', 'the redemption is reversed already'),
		('301', 'no such redemption of this member and merchant')
)
SELECT 'request' AS part, NULL::bigint AS file_id, NULL::bigint AS record_no, format('request %s (%s of %s) %s', q.request_no,
	q.request_id, q.client_id, CASE
		WHEN e.entry_id IS NULL THEN format('is said to have posted entry %s, which is not there', q.entry_id)
		WHEN e.category NOT IN ('Debit By Redemption', 'Redemption Reversal')
			THEN format('is said to have posted entry %s, which is a %s', e.entry_id, e.category)
		WHEN c.programme <> p.code THEN format('posted entry %s in programme %s; its caller is of %s', e.entry_id, p.code, c.programme)
		WHEN e.posted_at <> q.asked_at THEN format('was asked at %s; its entry %s was posted at %s', q.asked_at, e.entry_id, e.posted_at)
		WHEN q.code <> '000' THEN format('is said to have been refused with %s; it posted entry %s', q.code, e.entry_id)
		WHEN (e.category = 'Debit By Redemption') <> (q.stated_amount IS NOT NULL)
			THEN format('is of another kind than its entry %s, a %s', e.entry_id, e.category)
		ELSE format('posted entry %s, of which the ledger says that it is of "%s"', e.entry_id, coalesce(e.origin, '(nobody)'))
	END) AS message
FROM api.request q
LEFT JOIN ledger.entry e ON e.entry_id = q.entry_id
LEFT JOIN api.credentials c ON c.client_id = q.client_id
LEFT JOIN api.programme_code p ON p.programme_id = e.programme_id
WHERE q.entry_id IS NOT NULL AND (e.entry_id IS NULL OR e.category NOT IN ('Debit By Redemption', 'Redemption Reversal')
	OR c.programme <> p.code OR e.posted_at <> q.asked_at OR q.code <> '000'
	OR (e.category = 'Debit By Redemption') <> (q.stated_amount IS NOT NULL)
	OR e.origin IS DISTINCT FROM 'api' AND e.entry_id >= (SELECT s.entry FROM since s))
UNION ALL
SELECT 'request', NULL, NULL, format('request %s (%s of %s) keeps the answer %s "%s", which is none', q.request_no, q.request_id,
	q.client_id, q.code, q.reason)
FROM api.request q
WHERE q.entry_id IS NULL AND (q.idempotency_key IS NULL OR q.code IN ('000', '401', '409', '429')
	OR (q.code IN (SELECT t.code FROM told t WHERE t.code <> '301') OR q.reason IN (SELECT t.reason FROM told t))
		AND NOT EXISTS (SELECT FROM told t WHERE t.code = q.code AND t.reason = q.reason))
UNION ALL
SELECT 'request', NULL, NULL, format('entry %s, a %s of %s points, was posted by the API at %s; its request and its key are not there',
	e.entry_id, e.category, e.points, e.posted_at)
FROM ledger.entry e
WHERE e.origin = 'api' AND NOT EXISTS (SELECT FROM api.request q WHERE q.entry_id = e.entry_id)
UNION ALL
SELECT 'request', NULL, NULL, format('entry %s was posted by %s requests', q.entry_id, count(*))
FROM api.request q
WHERE q.entry_id IS NOT NULL
GROUP BY q.entry_id
HAVING count(*) > 1
UNION ALL
SELECT 'request', NULL, NULL, format('a key of %s has %s answers: requests %s', q.client_id, count(*),
	string_agg(q.request_no::text, ', ' ORDER BY q.request_no))
FROM api.request q
WHERE q.idempotency_key IS NOT NULL
GROUP BY q.client_id, q.idempotency_key
HAVING count(*) > 1
LIMIT 1000

-- name: verify_points
-- Points requests and batches beside the ledger and the events that prove them, and the shop's orders beside the ledger, in the reference
-- ledger. Debits say that they are of a points request, or of an order, since one of them did. As part, file, record, message.
WITH since AS (
	SELECT e.origin, min(e.entry_id) AS entry FROM ledger.entry e WHERE e.origin IN ('points', 'catalogue') GROUP BY e.origin
), sent AS (
	SELECT s.batch_no, s.request_no, s.place, r.points, r.entry_id, e.result, e.ended_at
	FROM points.sending s
	LEFT JOIN points.request r ON r.request_no = s.request_no
	LEFT JOIN points.sending_end e ON e.request_no = s.request_no AND e.nth = s.nth
), answered AS (
	SELECT s.*, v.reversal_id IS NOT NULL AS given_back, s.result = 'credited' OR v.reinstatement_id IS NOT NULL OR c.redemption_id IS NOT NULL AS credited
	FROM sent s
	LEFT JOIN ledger.reversal v ON v.redemption_id = s.entry_id
	LEFT JOIN (SELECT DISTINCT o.redemption_id FROM handback.outcome o WHERE o.outcome = :OUTCOME_CONFIRMED) c ON c.redemption_id = s.entry_id
	WHERE s.result IS DISTINCT FROM 'not_sent'
), account AS (
	-- what a closed batch says, and what the ledger has of its requests: a partner may have answered otherwise since
	SELECT b.batch_no, b.requested, b.credited, b.reversed, coalesce(sum(s.points), 0) AS sent,
		coalesce(sum(s.points) FILTER (WHERE s.given_back AND s.credited IS NOT TRUE), 0) AS reversed_alone,
		coalesce(sum(s.points) FILTER (WHERE s.given_back), 0) AS given_back,
		coalesce(sum(s.points) FILTER (WHERE NOT s.given_back AND s.credited IS NOT TRUE), 0) AS open
	FROM points.batch_end b
	LEFT JOIN answered s ON s.batch_no = b.batch_no
	GROUP BY b.batch_no, b.requested, b.credited, b.reversed
), opened AS (
	SELECT s.batch_no, count(*) AS requests, sum(s.points) AS points FROM sent s GROUP BY s.batch_no
)
SELECT 'points request' AS part, NULL::bigint AS file_id, NULL::bigint AS record_no, format('points request %s (%s) %s', r.request_no, r.request_key, CASE
		WHEN e.entry_id IS NULL THEN format('has no debit: entry %s is not there', r.entry_id)
		WHEN e.category <> 'Debit By Redemption' THEN format('is said to have posted entry %s, a %s', e.entry_id, e.category)
		WHEN e.points <> r.points THEN format('is of %s points, its debit of %s', r.points, e.points)
		WHEN e.member_id <> r.payer_id THEN format('is paid by account %s, its debit is of %s', r.payer_id, e.member_id)
		WHEN e.programme_id <> r.programme_id THEN format('is of programme %s, its debit of %s', r.programme_id, e.programme_id)
		WHEN e.partner IS DISTINCT FROM r.partner THEN format('is for %s, its debit for %s', r.partner, e.partner)
		WHEN e.transaction_type IS DISTINCT FROM 4 THEN format('has a debit of type %s', e.transaction_type)
		WHEN r.held_for IS NOT NULL AND NOT a.approved THEN format('was held for %s, and has a debit that no two people let through', r.held_for)
		WHEN NOT w.waits THEN 'waits for no window, is in no batch, and nothing says that it is over'
		ELSE format('has the debit %s, of which the ledger says that it is of "%s"', e.entry_id, coalesce(e.origin, '(nobody)')) END) AS message
FROM points.request r
LEFT JOIN ledger.entry e ON e.entry_id = r.entry_id
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM points.proposal p JOIN points.proposal_end x ON x.proposal_id = p.proposal_id AND x.how = 'approved'
	WHERE p.kind = 'request' AND p.programme_id = r.programme_id AND p.subject = r.request_no::text) AS approved) a
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM points.waiting q WHERE q.request_no = r.request_no)
	OR EXISTS (SELECT FROM points.sending s WHERE s.request_no = r.request_no)
	OR EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.entry_id) AS waits) w
WHERE CASE WHEN e.entry_id IS NULL THEN r.held_for IS NULL OR a.approved
	ELSE e.category <> 'Debit By Redemption' OR (e.points, e.member_id, e.programme_id) <> (r.points, r.payer_id, r.programme_id)
		OR e.partner IS DISTINCT FROM r.partner OR e.transaction_type IS DISTINCT FROM 4 OR r.held_for IS NOT NULL AND NOT a.approved OR NOT w.waits
		OR e.origin IS DISTINCT FROM 'points' AND e.entry_id >= (SELECT s.entry FROM since s WHERE s.origin = 'points') END
UNION ALL
SELECT 'points request', NULL, NULL, format('entry %s, a debit of %s points, was posted for a points request at %s, which is not there', e.entry_id,
	e.points, e.posted_at)
FROM ledger.entry e
WHERE e.origin = 'points' AND NOT EXISTS (SELECT FROM points.request r WHERE r.entry_id = e.entry_id)
UNION ALL
SELECT 'points request', NULL, NULL, format('points request %s (%s) is in effect, and no call was answered so', r.request_no, r.request_key)
FROM points.request r
WHERE NOT EXISTS (SELECT FROM points.receipt c WHERE c.request_no = r.request_no AND c.code = '000' AND NOT c.again
	AND c.request_key = r.request_key AND c.programme_id = r.programme_id)
UNION ALL
SELECT 'points request', NULL, NULL, format('the answer to row %s of call %s names points request %s, which is another''s', c.n, c.batch_id, c.request_no)
FROM points.receipt c
LEFT JOIN points.request r ON r.request_no = c.request_no
WHERE c.request_no IS NOT NULL AND (r.request_key, r.programme_id) IS DISTINCT FROM (c.request_key, c.programme_id)
UNION ALL
SELECT 'points request', NULL, NULL, format('the refusal of points request %s %s', f.request_no, CASE
		WHEN v.reversal_id IS DISTINCT FROM f.reversal_id THEN format('names the reversal %s, and the ledger has %s', f.reversal_id, v.reversal_id)
		WHEN s.request_no IS NOT NULL THEN 'is of one that may have reached its partner'
		ELSE format('is not what event %s says', f.event_id) END)
FROM points.refusal f
LEFT JOIN points.request r ON r.request_no = f.request_no
LEFT JOIN ledger.reversal v ON v.redemption_id = r.entry_id
LEFT JOIN (SELECT DISTINCT request_no FROM sent WHERE result IS DISTINCT FROM 'not_sent') s ON s.request_no = f.request_no
LEFT JOIN audit.event a ON a.event_id = f.event_id
WHERE v.reversal_id IS DISTINCT FROM f.reversal_id OR s.request_no IS NOT NULL
	OR (a.what, a.subject, a.why, a.at, a.detail) IS DISTINCT FROM ('points_refused', 'points request ' || f.request_no, f.why, f.refused_at,
		CASE WHEN f.reversal_id IS NULL THEN 'no points were taken' ELSE r.points || ' points were given back' END)
UNION ALL
SELECT 'points request', NULL, NULL, format('points proposal %s is not what event %s says', p.proposal_id, p.event_id)
FROM points.proposal p
LEFT JOIN audit.event a USING (event_id)
WHERE (a.what, a.subject, a.who, a.at, a.why) IS DISTINCT FROM ('points_proposed', 'points proposal ' || p.proposal_id, p.proposed_by, p.proposed_at, p.why)
UNION ALL
SELECT 'points request', NULL, NULL, format('the end of points proposal %s is not what event %s says', e.proposal_id, e.event_id)
FROM points.proposal_end e
LEFT JOIN points.proposal p USING (proposal_id)
LEFT JOIN audit.event a ON a.event_id = e.event_id
WHERE e.proposed_by IS DISTINCT FROM p.proposed_by OR (a.what, a.subject, a.who, a.at, a.why, a.detail) IS DISTINCT FROM ('points_' || e.how,
	'points proposal ' || e.proposal_id, e.ended_by, e.ended_at, e.why, 'proposed by ' || e.proposed_by)
UNION ALL
SELECT 'points request', NULL, NULL, format('points proposal %s says other terms than event %s', p.proposal_id, p.event_id)
FROM points.proposal p
JOIN points.sponsor s ON s.proposal_id = p.proposal_id
LEFT JOIN api.programme_code c ON c.programme_id = s.programme_id
LEFT JOIN audit.event a ON a.event_id = p.event_id
WHERE a.detail IS DISTINCT FROM format('programme %s, sponsor %s, cap %s points in a day, %s', c.code, s.sponsor, s.day_points,
	CASE WHEN s.open THEN 'open' ELSE 'closed' END)
UNION ALL
SELECT 'points batch', NULL, NULL, format('points batch %s is not what event %s says: %s requests of %s points', b.batch_no, b.event_id,
	coalesce(o.requests, 0), coalesce(o.points, 0))
FROM points.batch b
LEFT JOIN opened o ON o.batch_no = b.batch_no
LEFT JOIN audit.event a ON a.event_id = b.event_id
WHERE (a.what, a.subject, a.at) IS DISTINCT FROM ('batch_opened', 'points batch ' || b.batch_no, b.opened_at)
	OR a.detail IS DISTINCT FROM format('%s %s%s: %s requests, %s points, received before %s', b.partner, b.sequence, ' to target ' || b.target, o.requests, o.points,
		to_char(b.cut_off AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
UNION ALL
SELECT 'points batch', NULL, NULL, format('%s has %s batches of programme %s up to number %s', b.partner, count(*), b.programme_id, max(b.sequence))
FROM points.batch b
GROUP BY b.programme_id, b.partner, b.target IS NULL
HAVING count(*) <> max(b.sequence) OR count(DISTINCT b.sequence) <> count(*)
UNION ALL
SELECT 'points batch', NULL, NULL, format('points batch %s has a request that is not there: number %s', s.batch_no, s.request_no)
FROM sent s
WHERE s.entry_id IS NULL OR NOT EXISTS (SELECT FROM points.batch b WHERE b.batch_no = s.batch_no)
UNION ALL
SELECT 'points batch', NULL, NULL, format('points batch %s says at its end requested %s, credited %s, reversed %s; in the ledger are requested %s, given back %s, open %s',
	k.batch_no, k.requested, k.credited, k.reversed, k.sent, k.given_back, k.open)
FROM account k
WHERE k.requested <> k.sent OR k.open <> 0 OR k.credited + k.reversed <> k.requested OR k.reversed NOT BETWEEN k.reversed_alone AND k.given_back
UNION ALL
SELECT 'points batch', NULL, NULL, format('the end of points batch %s is not what event %s says', e.batch_no, e.event_id)
FROM points.batch_end e
LEFT JOIN points.batch b ON b.batch_no = e.batch_no
LEFT JOIN audit.event a ON a.event_id = e.event_id
WHERE (a.what, a.subject, a.at, a.detail) IS DISTINCT FROM ('batch_closed', 'points batch ' || e.batch_no, e.ended_at,
	format('%s %s: requested %s, credited %s, reversed %s', b.partner, b.sequence, e.requested, e.credited, e.reversed))
UNION ALL
SELECT 'points batch', NULL, NULL, format('that points batch %s is looked after by %s is not what event %s says', o.batch_no, o.owner, o.event_id)
FROM points.batch_owner o
LEFT JOIN audit.event a ON a.event_id = o.event_id
WHERE (a.what, a.subject, a.detail) IS DISTINCT FROM ('assigned', 'points batch ' || o.batch_no, o.owner)
UNION ALL
SELECT CASE WHEN a.what LIKE 'batch%' THEN 'points batch' ELSE 'points request' END, NULL, NULL,
	format('event %s (%s, %s) has no row that says what was done', a.event_id, a.what, a.subject)
FROM audit.event a
WHERE (a.what = 'points_proposed' AND NOT EXISTS (SELECT FROM points.proposal p WHERE p.event_id = a.event_id))
	OR (a.what IN ('points_approved', 'points_rejected') AND NOT EXISTS (SELECT FROM points.proposal_end e WHERE e.event_id = a.event_id))
	-- the partner's own refusal stands with its sending
	OR (a.what = 'points_refused' AND NOT EXISTS (SELECT FROM points.refusal f WHERE f.event_id = a.event_id)
		AND NOT EXISTS (SELECT FROM points.sending_end e WHERE e.result = 'rejected' AND a.subject = 'points request ' || e.request_no))
	OR (a.what = 'batch_opened' AND NOT EXISTS (SELECT FROM points.batch b WHERE b.event_id = a.event_id))
	OR (a.what = 'batch_closed' AND NOT EXISTS (SELECT FROM points.batch_end e WHERE e.event_id = a.event_id))
UNION ALL
-- the shop's orders
SELECT 'order', NULL, NULL, format('order %s of programme %s %s', o.order_id, o.programme_id, CASE
		WHEN e.entry_id IS NULL THEN format('is said to have posted entry %s, which is not there', o.entry_id)
		WHEN e.category <> 'Debit By Redemption' THEN format('is said to have posted entry %s, a %s', e.entry_id, e.category)
		WHEN e.programme_id <> o.programme_id THEN format('posted entry %s in programme %s', e.entry_id, e.programme_id)
		WHEN e.member_id <> o.member_id THEN format('is of member %s, its debit of %s', o.member_id, e.member_id)
		WHEN e.posted_at <> o.asked_at THEN format('was asked at %s; its debit was posted at %s', o.asked_at, e.posted_at)
		WHEN e.origin IS DISTINCT FROM 'catalogue' AND e.entry_id >= (SELECT s.entry FROM since s WHERE s.origin = 'catalogue')
			THEN format('has the debit %s, of which the ledger says that it is of "%s"', e.entry_id, coalesce(e.origin, '(nobody)'))
		ELSE format('states %s points, its debit is of %s', o.stated, e.points) END)
FROM catalogue.shop_order o
LEFT JOIN ledger.entry e ON e.entry_id = o.entry_id
WHERE o.entry_id IS NOT NULL AND (e.entry_id IS NULL OR e.category <> 'Debit By Redemption' OR e.programme_id <> o.programme_id
	OR e.member_id <> o.member_id OR e.posted_at <> o.asked_at OR o.stated::numeric <> e.points
	OR e.origin IS DISTINCT FROM 'catalogue' AND e.entry_id >= (SELECT s.entry FROM since s WHERE s.origin = 'catalogue'))
UNION ALL
SELECT 'order', NULL, NULL, format('entry %s, a debit of %s points, was posted for an order at %s, which is not there', e.entry_id, e.points, e.posted_at)
FROM ledger.entry e
WHERE e.origin = 'catalogue' AND NOT EXISTS (SELECT FROM catalogue.shop_order o WHERE o.entry_id = e.entry_id)
UNION ALL
SELECT 'order', NULL, NULL, format('the refund of order %s of programme %s names entry %s, which does not give back its debit', f.order_id, f.programme_id,
	f.entry_id)
FROM catalogue.refund f
LEFT JOIN catalogue.shop_order o ON o.programme_id = f.programme_id AND o.order_id = f.order_id
LEFT JOIN ledger.reversal v ON v.reversal_id = f.entry_id
WHERE v.redemption_id IS DISTINCT FROM o.entry_id OR v.reversal_id IS NULL OR v.posted_at <> f.asked_at
LIMIT 1000

-- name: verify_has_balances
-- Is the ledger the reference one, whose entries and balances we know; and what of it may this login not read?
SELECT to_regclass('ledger.balance') IS NOT NULL AS has,
	(SELECT string_agg(n.name, ', ') FROM (VALUES ('ledger.entry'), ('ledger.balance')) n (name)
		WHERE to_regclass(n.name) IS NOT NULL AND NOT has_table_privilege(to_regclass(n.name), 'SELECT')) AS hidden

-- name: verify_balances
-- Members whose balance is not the sum of their entries, in the reference ledger. As part, file, record, message.
SELECT 'balance' AS part, NULL::bigint AS file_id, NULL::bigint AS record_no,
	format('member %s has a balance of %s points; the entries sum to %s', member_id, coalesce(b.points, 0),
		coalesce(e.points, 0)) AS message
FROM (
	SELECT member_id, sum(CASE WHEN category IN ('Credit By Accrual', 'Redemption Reversal', 'Credit By Correction') THEN points ELSE -points END)
		AS points
	FROM ledger.entry
	GROUP BY member_id
) e
FULL JOIN ledger.balance b USING (member_id)
WHERE coalesce(b.points, 0) <> coalesce(e.points, 0)
ORDER BY member_id
LIMIT 1000
