-- What people did, beside the acts that prove it. The first that differs, as part, file, record, message.
WITH note AS (
	SELECT n.*, CASE WHEN n.assigned IS NULL THEN 'commented' ELSE 'assigned' END AS what
	FROM handback.hold_note n
), proposed AS (
	SELECT p.*, (SELECT array_agg(h.hold_id ORDER BY h.hold_id) FROM handback.proposal_hold h
		WHERE h.proposal_id = p.proposal_id) AS hold_ids
	FROM handback.proposal p
)
SELECT 'note' AS part, NULL::bigint AS file_id, NULL::bigint AS record_no,
	format('note %s on hold %s is not what act %s says', n.note_id, n.hold_id, n.act_id) AS message
FROM note n
LEFT JOIN audit.act a USING (act_id)
WHERE (a.what, a.subject, a.who, a.at, a.why, a.detail)
	IS DISTINCT FROM (n.what, 'hold ' || n.hold_id, n.who, n.at, n.comment, n.assigned)
UNION ALL
SELECT 'proposal', NULL, NULL, format('proposal %s is not what act %s says', p.proposal_id, p.act_id)
FROM proposed p
LEFT JOIN audit.act a USING (act_id)
WHERE (a.what, a.subject, a.who, a.at, a.why, a.detail, cardinality(p.hold_ids)) IS DISTINCT FROM
	('proposed', 'proposal ' || p.proposal_id, p.proposed_by, p.proposed_at, p.why,
		format('%s %s holds of %s points: %s', p.decision, p.holds, p.points, array_to_string(p.hold_ids, ' ')
			|| coalesce(', redemption ' || p.redemption_id, '')), p.holds)
UNION ALL
SELECT 'proposal', NULL, NULL, format('the end of proposal %s is not what act %s says', e.proposal_id, e.act_id)
FROM handback.proposal_end e
JOIN handback.proposal p USING (proposal_id)
LEFT JOIN audit.act a ON a.act_id = e.act_id
WHERE (a.what, a.subject, a.who, a.at, a.why, a.detail, e.proposed_by) IS DISTINCT FROM
	(e.how, 'proposal ' || e.proposal_id, e.ended_by, e.ended_at, e.why,
		format('%s %s holds of %s points, proposed by %s', p.decision, p.holds, p.points, p.proposed_by), p.proposed_by)
UNION ALL
SELECT 'hold', h.file_id, h.record_no, format('hold %s is said to have ended as %s by %s at %s; no proposal that was approved says so',
	h.hold_id, d.how, d.ended_by, d.ended_at)
FROM handback.hold_end d
JOIN handback.hold h USING (hold_id)
WHERE d.how NOT IN ('matched_later', 'unknown_reference_expired') AND NOT EXISTS (
	SELECT FROM handback.proposal_hold ph
	JOIN handback.proposal p USING (proposal_id)
	JOIN handback.proposal_end e USING (proposal_id)
	WHERE ph.hold_id = d.hold_id AND e.how = 'approved' AND e.ended_at = d.ended_at AND e.ended_by = d.ended_by
		AND d.how = CASE p.decision WHEN 'confirm' THEN 'confirmed' WHEN 'reverse' THEN 'reversed'
			WHEN 'reinstate' THEN 'reinstated' WHEN 'release' THEN 'released' ELSE 'closed' END)
	-- what waited for another file is released by itself, as it is decided
	AND NOT (d.how = 'released' AND h.reason IN ('sequence_gap', 'part_missing') AND EXISTS (
		SELECT FROM handback.file r WHERE r.release_of = h.file_id AND r.decided_at = d.ended_at))
UNION ALL
-- what the nightly run ended
SELECT 'hold', h.file_id, h.record_no, format('hold %s is said to have ended as %s by %s at %s; no later outcome says so',
	h.hold_id, d.how, d.ended_by, d.ended_at)
FROM handback.hold_end d
JOIN handback.hold h USING (hold_id)
WHERE d.how IN ('matched_later', 'unknown_reference_expired') AND NOT EXISTS (
	SELECT FROM handback.outcome o
	JOIN audit.act a USING (act_id)
	WHERE o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision > 0 AND o.decided_at = d.ended_at
		AND a.what = d.how AND a.who = d.ended_by)
UNION ALL
SELECT 'guarded', NULL, NULL, format('the records that the guard holds are not those that act %s says', a.act_id)
FROM audit.act a
FULL JOIN (
	SELECT g.act_id, 'file ' || min(h.file_id) AS subject, string_agg(format('hold %s redemption %s %s', g.hold_id,
		g.redemption_id, n.name), ', ' ORDER BY g.hold_id) AS detail
	FROM handback.hold_guarded g
	JOIN handback.hold h USING (hold_id)
	JOIN handback.outcome_name n USING (outcome)
	GROUP BY g.act_id) g USING (act_id)
WHERE (a.what = 'guarded' OR g.act_id IS NOT NULL)
	AND (a.what, a.subject, a.detail) IS DISTINCT FROM ('guarded', g.subject, g.detail)
UNION ALL
SELECT 'removal', r.file_id, NULL, format('the files that retention removed are not those that act %s says', coalesce(a.act_id, r.act_id))
FROM (SELECT * FROM audit.act WHERE what = 'removed_by_retention') a
FULL JOIN (
	SELECT act_id, min(file_id) AS file_id, string_agg(file_id::text, ' ' ORDER BY file_id) AS detail
	FROM handback.removal
	GROUP BY act_id) r USING (act_id)
WHERE (a.subject, a.detail) IS DISTINCT FROM ('files', r.detail)
UNION ALL
SELECT 'removal', r.file_id, NULL, 'retention removed its copy, which something waits for'
FROM handback.removal r
WHERE NOT EXISTS (SELECT FROM handback.unneeded_copy u WHERE u.file_id = r.file_id)
UNION ALL
SELECT 'term', substring(a.subject FROM '^file ([0-9]+)$')::bigint, NULL,
	format('the terms by which act %s confirmed what was not rejected are not those that it says', a.act_id)
FROM audit.act a
WHERE a.what = 'confirmed_by_absence' AND NOT EXISTS (
	SELECT FROM handback.term t
	WHERE t.term_id = substring(a.detail FROM ' by term ([0-9]{1,18}) ')::bigint
		AND split_part(a.detail, ' points, by ', 2) = handback.term_said(t)
		AND a.why = format('the partner lists its rejects, and answers within %s business days (%s)', t.within_days, t.zone))
UNION ALL
SELECT 'file', r.file_id, NULL, format('it says that it is file %s, released; the hold of that file says no such thing', r.release_of)
FROM handback.file r
WHERE r.release_of IS NOT NULL AND NOT EXISTS (
	SELECT FROM handback.file f
	JOIN handback.hold h ON h.file_id = f.file_id AND h.record_no IS NULL
	JOIN handback.hold_end d ON d.hold_id = h.hold_id AND d.how = 'released'
	WHERE f.file_id = r.release_of AND f.sha256 = r.sha256)
UNION ALL
SELECT 'act', NULL, NULL, format('act %s (%s, %s) has no row that says what was done', a.act_id, a.what, a.subject)
FROM audit.act a
WHERE (a.what IN ('assigned', 'commented') AND NOT EXISTS (SELECT FROM handback.hold_note n WHERE n.act_id = a.act_id))
	OR (a.what = 'proposed' AND NOT EXISTS (SELECT FROM handback.proposal p WHERE p.act_id = a.act_id))
	OR (a.what IN ('matched_later', 'unknown_reference_expired', 'confirmed_by_absence')
		AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.act_id = a.act_id))
	OR (a.what IN ('approved', 'rejected') AND NOT EXISTS (SELECT FROM handback.proposal_end e WHERE e.act_id = a.act_id))
LIMIT 1
