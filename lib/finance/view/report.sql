-- name: report_summary
-- The whole scope in one row: what the reader looks for first. A file that was released in the scope counts once, in its
-- release.
SELECT
	count(*) FILTER (WHERE NOT g.gone) AS files,
	count(*) FILTER (WHERE f.state = 'posted') AS posted,
	count(*) FILTER (WHERE f.state = 'held' AND NOT g.gone AND x.hold_id IS NULL) AS files_held,
	count(*) FILTER (WHERE x.hold_id IS NOT NULL) AS closed,
	count(*) FILTER (WHERE g.gone) AS released,
	count(*) FILTER (WHERE f.state = 'duplicate' AND NOT g.gone) AS duplicates,
	coalesce(sum(f.records) FILTER (WHERE NOT g.gone), 0) AS records,
	coalesce(sum(t.confirmed_points), 0) AS confirmed_points,
	coalesce(sum(t.reversed_points), 0) AS reversed_points,
	(SELECT count(*) FROM handback.hold_open h
		JOIN handback.file hf USING (file_id)
		JOIN handback.partner hp USING (partner_id)
		WHERE h.counts AND ($1::text IS NULL OR hp.code = $1)) AS open_holds,
	coalesce(sum(t.difference), 0) AS difference
FROM handback.file f
JOIN handback.partner p USING (partner_id)
LEFT JOIN handback.file r ON r.release_of = f.file_id
LEFT JOIN handback.file_hold x ON x.file_id = f.file_id AND f.state = 'held' AND x.how = 'closed'
	AND ($4::timestamptz IS NULL OR x.ended_at < $4)
CROSS JOIN LATERAL (SELECT r.file_id IS NOT NULL AND $2::bigint IS NULL AND ($4::timestamptz IS NULL OR r.decided_at < $4) AS gone) g
CROSS JOIN LATERAL (
	SELECT
		sum(points) FILTER (WHERE outcome = :OUTCOME_CONFIRMED) AS confirmed_points,
		sum(points) FILTER (WHERE outcome = :OUTCOME_REVERSED) AS reversed_points,
		CASE WHEN f.state <> 'posted' AND count(*) = 0 THEN 0 ELSE f.records - coalesce(sum(records), 0) END
			AS difference
	FROM handback.tie_out
	WHERE file_id = f.file_id
) t
WHERE ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR f.file_id = $2)
	AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
	AND ($4::timestamptz IS NULL OR f.decided_at < $4)

-- name: report_partners
-- The same files by partner: records and points; what was released in the scope counts in its release. The last row is
-- the sum.
WITH partner_row AS (
	SELECT
		p.code AS partner,
		count(*) FILTER (WHERE NOT g.gone) AS files,
		count(*) FILTER (WHERE f.state = 'posted') AS posted,
		count(*) FILTER (WHERE f.state = 'held' AND NOT g.gone AND x.hold_id IS NULL) AS files_held,
		count(*) FILTER (WHERE x.hold_id IS NOT NULL) AS closed,
		count(*) FILTER (WHERE g.gone) AS released,
		count(*) FILTER (WHERE f.state = 'duplicate' AND NOT g.gone) AS duplicates,
		coalesce(sum(f.records) FILTER (WHERE NOT g.gone), 0) AS records,
		sum(t.confirmed) AS confirmed,
		sum(t.confirmed_points) AS confirmed_points,
		sum(t.reversed) AS reversed,
		sum(t.reversed_points) AS reversed_points,
		sum(t.held) AS held,
		sum(t.held_points) AS held_points
	FROM handback.file f
	JOIN handback.partner p USING (partner_id)
	LEFT JOIN handback.file r ON r.release_of = f.file_id
	LEFT JOIN handback.file_hold x ON x.file_id = f.file_id AND f.state = 'held' AND x.how = 'closed'
		AND ($4::timestamptz IS NULL OR x.ended_at < $4)
	CROSS JOIN LATERAL (SELECT r.file_id IS NOT NULL AND $2::bigint IS NULL AND ($4::timestamptz IS NULL OR r.decided_at < $4) AS gone) g
	CROSS JOIN LATERAL (
		SELECT
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_CONFIRMED), 0) AS confirmed,
			coalesce(sum(points) FILTER (WHERE outcome = :OUTCOME_CONFIRMED), 0) AS confirmed_points,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_REVERSED), 0) AS reversed,
			coalesce(sum(points) FILTER (WHERE outcome = :OUTCOME_REVERSED), 0) AS reversed_points,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_HELD), 0) AS held,
			coalesce(sum(points) FILTER (WHERE outcome = :OUTCOME_HELD), 0) AS held_points
		FROM handback.tie_out
		WHERE file_id = f.file_id
	) t
	WHERE ($1::text IS NULL OR p.code = $1)
		AND ($2::bigint IS NULL OR f.file_id = $2)
		AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
		AND ($4::timestamptz IS NULL OR f.decided_at < $4)
	GROUP BY p.code
)
SELECT * FROM (
	SELECT * FROM partner_row
	UNION ALL
	SELECT NULL, sum(files), sum(posted), sum(files_held), sum(closed), sum(released), sum(duplicates), sum(records), sum(confirmed),
		sum(confirmed_points), sum(reversed), sum(reversed_points), sum(held), sum(held_points)
	FROM partner_row
) all_rows
ORDER BY partner

-- name: report_files
-- One row for each file of the report's scope ($1 partner, $2 file, $3 from, $4 to): what came in and
-- what became of it, in records. A file that was not processed, held or a duplicate, has its records in
-- not_processed. One that was released in the same scope is counted in its release, and has no records here. The last row,
-- without a number, is the sum.
WITH file_row AS (
	SELECT
		f.file_id AS file,
		f.decided_at AS decided,
		p.code AS partner,
		f.name_shown AS name,
		coalesce(x.how, f.state::text) AS state,
		nullif(concat_ws(', ', 'of file ' || f.release_of, 'as file ' || r.file_id,
			'posted since as file ' || CASE WHEN f.state = 'held' AND r.file_id IS NULL THEN handback.right_version(f) END), '') AS release,
		CASE WHEN NOT g.gone THEN f.records END AS records,
		t.confirmed,
		t.reversed,
		t.already_applied,
		t.duplicate_record,
		t.informational,
		t.held,
		CASE WHEN g.gone THEN NULL WHEN f.state <> 'posted' AND t.judged = 0 THEN f.records ELSE 0 END AS not_processed,
		t.already_applied + t.duplicate_record + t.informational
			+ CASE WHEN NOT g.gone AND f.state <> 'posted' AND t.judged = 0 THEN f.records ELSE 0 END AS other,
		CASE WHEN f.state <> 'posted' AND t.judged = 0 THEN 0 ELSE f.records - t.judged END AS difference,
		encode(f.sha256, 'hex') AS sha256,
		f.archived_as,
		f.release_of,
		r.file_id AS released_as
	FROM handback.file f
	JOIN handback.partner p USING (partner_id)
	LEFT JOIN handback.file r ON r.release_of = f.file_id
	LEFT JOIN handback.file_hold x ON x.file_id = f.file_id AND f.state = 'held' AND x.how = 'closed'
		AND ($4::timestamptz IS NULL OR x.ended_at < $4)
	CROSS JOIN LATERAL (SELECT r.file_id IS NOT NULL AND $2::bigint IS NULL AND ($4::timestamptz IS NULL OR r.decided_at < $4) AS gone) g
	CROSS JOIN LATERAL (
		SELECT
			coalesce(sum(records), 0) AS judged,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_CONFIRMED), 0) AS confirmed,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_REVERSED), 0) AS reversed,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_ALREADY_APPLIED), 0) AS already_applied,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_DUPLICATE_RECORD), 0) AS duplicate_record,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_INFORMATIONAL), 0) AS informational,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_HELD), 0) AS held
		FROM handback.tie_out
		WHERE file_id = f.file_id
	) t
	WHERE ($1::text IS NULL OR p.code = $1)
		AND ($2::bigint IS NULL OR f.file_id = $2)
		AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
		AND ($4::timestamptz IS NULL OR f.decided_at < $4)
)
SELECT * FROM file_row
UNION ALL
SELECT NULL, NULL, NULL, 'All files', NULL, NULL, sum(records), sum(confirmed), sum(reversed), sum(already_applied),
	sum(duplicate_record), sum(informational), sum(held), sum(not_processed), sum(other), sum(difference), NULL, NULL, NULL, NULL
FROM file_row
ORDER BY file

-- name: report_points
-- The points of each judged file, and what the ledger has for them: reversals and ledger_points are
-- counted in the ledger, through the outcomes that name them. The last row is the sum.
WITH scope AS (
	SELECT f.file_id, p.code, f.name_shown
	FROM handback.file f
	JOIN handback.partner p USING (partner_id)
	WHERE ($1::text IS NULL OR p.code = $1)
		AND ($2::bigint IS NULL OR f.file_id = $2)
		AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
		AND ($4::timestamptz IS NULL OR f.decided_at < $4)
), posted AS (
	SELECT o.file_id, count(r.reversal_id) AS reversals, sum(r.points) AS points
	FROM handback.outcome o
	JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
	WHERE o.outcome = :OUTCOME_REVERSED AND o.revision = 0 AND o.file_id = ANY (ARRAY(SELECT file_id FROM scope))
	GROUP BY o.file_id
), file_row AS (
	SELECT
		s.file_id AS file,
		s.code AS partner,
		s.name_shown AS name,
		sum(t.points) AS points,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = :OUTCOME_CONFIRMED), 0) AS confirmed,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = :OUTCOME_REVERSED), 0) AS reversed,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = :OUTCOME_ALREADY_APPLIED), 0) AS already_applied,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = :OUTCOME_DUPLICATE_RECORD), 0) AS duplicate_record,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = :OUTCOME_INFORMATIONAL), 0) AS informational,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = :OUTCOME_HELD), 0) AS held,
		coalesce(sum(t.points) FILTER (
			WHERE t.outcome IN (:OUTCOME_ALREADY_APPLIED, :OUTCOME_DUPLICATE_RECORD, :OUTCOME_INFORMATIONAL)), 0) AS other,
		coalesce(max(posted.reversals), 0) AS reversals,
		coalesce(max(posted.points), 0) AS ledger_points,
		coalesce(sum(t.points) FILTER (WHERE t.outcome = :OUTCOME_REVERSED), 0) - coalesce(max(posted.points), 0) AS difference
	FROM scope s
	JOIN handback.tie_out t USING (file_id)
	LEFT JOIN posted USING (file_id)
	GROUP BY s.file_id, s.code, s.name_shown
)
SELECT * FROM file_row
UNION ALL
SELECT NULL, NULL, 'All files', sum(points), sum(confirmed), sum(reversed), sum(already_applied),
	sum(duplicate_record), sum(informational), sum(held), sum(other), sum(reversals), sum(ledger_points), sum(difference)
FROM file_row
ORDER BY file

-- name: report_controls
-- Totals that partners stated, beside what was counted.
SELECT
	c.file_id AS file,
	p.code AS partner,
	f.name_shown AS name,
	c.name AS control,
	c.place,
	c.stated,
	c.counted,
	c.counted - c.stated AS difference,
	CASE WHEN c.agrees THEN 'ok' ELSE 'differs' END AS agrees
FROM handback.control c
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR f.file_id = $2)
	AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
	AND ($4::timestamptz IS NULL OR f.decided_at < $4)
ORDER BY c.file_id, c.n

-- name: report_duplicates
-- Duplicate deliveries, and the files that they repeat. Nothing is posted from them.
SELECT
	f.file_id AS file,
	f.decided_at AS decided,
	p.code AS partner,
	f.name_shown AS name,
	f.duplicate_of,
	first.name_shown AS first_name,
	first.decided_at AS first_decided,
	(SELECT count(*) FROM handback.outcome o
		WHERE o.file_id = f.file_id AND (o.outcome = :OUTCOME_REVERSED OR o.reversal_id IS NOT NULL)) AS postings
FROM handback.file f
JOIN handback.partner p USING (partner_id)
JOIN handback.file first ON first.file_id = f.duplicate_of
WHERE f.state = 'duplicate'
	AND ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR f.file_id = $2)
	AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
	AND ($4::timestamptz IS NULL OR f.decided_at < $4)
ORDER BY f.file_id

-- name: report_refused
-- Files on hold, with why: one row for each refusal, or one where there is none.
SELECT
	f.file_id AS file,
	f.decided_at AS decided,
	p.code AS partner,
	f.name_shown AS name,
	f.hold_reason AS reason,
	r.record_no AS record,
	r.byte_offset,
	coalesce(r.message, h.meaning) AS why,
	r.rule,
	r.field,
	r.value_shown AS value,
	CASE WHEN x.hold_id IS NULL THEN h.action_required END AS action_required,
	n.file_id AS released_as,
	x.ended_at AS closed,
	CASE WHEN n.file_id IS NULL THEN handback.right_version(f) END AS right_version
FROM handback.file f
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason h ON h.reason = f.hold_reason
LEFT JOIN handback.refusal r USING (file_id)
LEFT JOIN handback.file n ON n.release_of = f.file_id
LEFT JOIN handback.file_hold x ON x.file_id = f.file_id AND x.how = 'closed' AND ($4::timestamptz IS NULL OR x.ended_at < $4)
WHERE f.state = 'held'
	AND ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR f.file_id = $2)
	AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
	AND ($4::timestamptz IS NULL OR f.decided_at < $4)
ORDER BY f.file_id, r.n

-- name: report_holds
-- Open holds, by file, reason and age; whatever day it came in ($1 partner, $2 file).
SELECT
	p.code AS partner,
	h.file_id AS file,
	f.name_shown AS name,
	h.reason,
	count(*) FILTER (WHERE h.record_no IS NOT NULL) AS records,
	coalesce(sum(h.points) FILTER (WHERE h.counts), 0) AS points,
	min(h.opened_at) AS oldest,
	floor(extract(epoch FROM transaction_timestamp() - min(h.opened_at)) / 86400)::bigint AS days,
	r.action_required
FROM handback.hold_open h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
JOIN handback.hold_reason r USING (reason)
WHERE ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR h.file_id = $2)
GROUP BY p.code, h.file_id, f.name_shown, h.reason, r.action_required
ORDER BY min(h.opened_at), h.file_id, h.reason

-- name: report_decisions
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

-- name: report_rematched
-- Records that were decided after their file ($1 partner, $2 file, $3 from, $4 to: when), by file and how: rematched,
-- never found and closed, not rejected in time, by two people. The last row is the sum.
WITH rematched_row AS (
	SELECT
		o.file_id AS file,
		p.code AS partner,
		f.name_shown AS name,
		CASE WHEN a.what IN ('approved', 'decided') THEN 'by two people' ELSE a.what END AS how,
		count(*) FILTER (WHERE o.outcome = :OUTCOME_CONFIRMED) AS confirmed,
		count(*) FILTER (WHERE o.outcome = :OUTCOME_REVERSED) AS reversed,
		count(*) FILTER (WHERE o.outcome = :OUTCOME_CLOSED) AS closed,
		count(*) FILTER (WHERE o.outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_CLOSED)) AS other,
		coalesce(sum(coalesce(d.points, o.points)), 0) AS points,
		coalesce(sum(r.points) FILTER (WHERE o.outcome = :OUTCOME_REVERSED), 0) AS ledger_points
	FROM handback.outcome o
	JOIN audit.event a USING (event_id)
	JOIN handback.file f ON f.file_id = o.file_id
	JOIN handback.partner p USING (partner_id)
	LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
	LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
	WHERE o.revision > 0
		AND ($1::text IS NULL OR p.code = $1)
		AND ($2::bigint IS NULL OR f.file_id = $2)
		AND ($3::timestamptz IS NULL OR o.decided_at >= $3)
		AND ($4::timestamptz IS NULL OR o.decided_at < $4)
	GROUP BY o.file_id, p.code, f.name_shown, 4
)
SELECT * FROM (
	SELECT * FROM rematched_row
	UNION ALL
	SELECT NULL, NULL, 'All of them', NULL, sum(confirmed), sum(reversed), sum(closed), sum(other), sum(points), sum(ledger_points)
	FROM rematched_row
	HAVING count(*) > 0
) all_rows
ORDER BY file, how

-- name: report_differences
-- Debits that were confirmed with other points or another amount as fulfilled, by file and currency ($1 partner, $2 file,
-- $3 from, $4 to): how many, and by how much. The last row is the sum, of points alone: currencies do not add up.
WITH difference AS (
	SELECT o.file_id AS file, p.code AS partner, f.name_shown AS name, d.currency,
		CASE WHEN o.detail LIKE 'points: fulfilled %' THEN d.points END AS redeemed,
		CASE WHEN o.detail LIKE 'points: fulfilled %' THEN o.points END AS fulfilled,
		substring(o.detail FROM '^(?:points: fulfilled [0-9]+, redeemed [0-9]+, difference -?[0-9]+; )?amount: fulfilled (-?[0-9]{1,19}), ')::numeric
			- d.amount AS amount_difference
	FROM handback.file f
	JOIN handback.partner p USING (partner_id)
	JOIN handback.outcome o USING (file_id)
	JOIN ledger.redemption d USING (redemption_id)
	WHERE o.outcome = :OUTCOME_CONFIRMED AND (o.detail LIKE 'points: fulfilled %' OR o.detail LIKE 'amount: fulfilled %')
		AND ($1::text IS NULL OR p.code = $1)
		AND ($2::bigint IS NULL OR f.file_id = $2)
		AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
		AND ($4::timestamptz IS NULL OR f.decided_at < $4)
), difference_row AS (
	SELECT file, partner, name, count(*) AS records, coalesce(sum(redeemed), 0) AS redeemed, coalesce(sum(fulfilled), 0) AS fulfilled,
		coalesce(sum(fulfilled - redeemed), 0) AS difference, CASE WHEN count(amount_difference) > 0 THEN currency END AS currency,
		sum(amount_difference) AS amount_difference
	FROM difference
	WHERE fulfilled <> redeemed OR amount_difference <> 0
	GROUP BY file, partner, name, currency
)
SELECT * FROM (
	SELECT * FROM difference_row
	UNION ALL
	SELECT NULL, NULL, 'All of them', sum(records), sum(redeemed), sum(fulfilled), sum(difference), NULL, NULL
	FROM difference_row
	HAVING count(*) > 0
) all_rows
ORDER BY file, currency

-- name: report_overdue
-- Unanswered redemptions past their response SLA, apart from what is held: by the terms that the last nightly run found. $1 partner.
-- unanswered: no reply to them; the rest is pending or held. shown: of those, the ones that a file shows.
SELECT t.partner, t.programme, t.lists, t.within_days, count(*) AS redemptions, coalesce(sum(o.points), 0) AS points,
	count(*) FILTER (WHERE o.last_reply IS NULL) AS unanswered, count(*) FILTER (WHERE o.last_reply IS NULL AND o.file_id IS NOT NULL) AS shown,
	min(o.redeemed_at) AS oldest,
	floor(extract(epoch FROM transaction_timestamp() - min(o.redeemed_at)) / 86400)::bigint AS days
FROM (SELECT DISTINCT ON (partner, programme) term_id FROM handback.term_now ORDER BY partner, programme, term_id DESC) n
JOIN handback.term t USING (term_id)
CROSS JOIN LATERAL handback.unanswered_redemptions(t) o
WHERE $1::text IS NULL OR t.partner = $1
GROUP BY t.partner, t.programme, t.lists, t.within_days
ORDER BY t.partner, t.programme

-- name: report_expected
-- Files that partners should have sent, by when they were late ($1 partner, $2 file, $3 from, $4 to), and those that
-- nobody expected.
SELECT t.partner, e.source, e.kind, e.day::text AS day, e.due_at AS due, e.state, e.came, e.files, e.file_id AS file
FROM handback.expected_files e
JOIN handback.term_now t USING (source)
WHERE ($1::text IS NULL OR t.partner = $1)
	AND ($2::bigint IS NULL OR e.file_id = $2)
	AND ($3::timestamptz IS NULL OR e.late_at >= $3)
	AND ($4::timestamptz IS NULL OR e.late_at < $4)
UNION ALL
SELECT p.code, f.source, NULL, (f.seen_at AT TIME ZONE 'UTC')::date::text, NULL, u.how, 1, 0, f.file_id
FROM handback.expected_delivery_file u
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE u.how = 'unexpected'
	AND ($1::text IS NULL OR p.code = $1)
	AND ($2::bigint IS NULL OR f.file_id = $2)
	AND ($3::timestamptz IS NULL OR f.seen_at >= $3)
	AND ($4::timestamptz IS NULL OR f.seen_at < $4)
ORDER BY 1, 2, 4, 3

-- name: report_footer
-- What the report was taken from: one snapshot, and how far the audit trail had come.
SELECT
	transaction_timestamp() AS as_of,
	current_database() AS database,
	pg_current_snapshot() AS snapshot,
	session_user AS taken_by,
	h.head_no,
	h.made_at AS head_made,
	encode(h.head_hash, 'hex') AS head_hash
FROM (SELECT) one
LEFT JOIN LATERAL (SELECT * FROM audit.head ORDER BY head_no DESC LIMIT 1) h ON true
