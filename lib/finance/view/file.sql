-- name: file_list
-- Files, the newest first.
SELECT
	f.file_id AS file,
	f.decided_at AS decided,
	p.code AS partner,
	f.name_shown AS name,
	coalesce(h.how, f.state::text) AS state,
	f.hold_reason AS reason,
	f.records,
	coalesce(sum(t.records) FILTER (WHERE t.outcome = :OUTCOME_CONFIRMED), 0) AS confirmed,
	coalesce(sum(t.records) FILTER (WHERE t.outcome = :OUTCOME_REVERSED), 0) AS reversed,
	coalesce(sum(t.records) FILTER (WHERE t.outcome = :OUTCOME_HELD), 0) AS held,
	f.bytes,
	f.source,
	f.sequence,
	f.business_date,
	f.duplicate_of,
	f.release_of,
	CASE WHEN f.state = 'held' AND n.file_id IS NULL THEN handback.right_version(f) END AS right_version,
	encode(f.sha256, 'hex') AS sha256,
	f.archived_as
FROM handback.file f
JOIN handback.partner p USING (partner_id)
LEFT JOIN handback.file_hold h ON h.file_id = f.file_id AND f.state = 'held' AND h.how = 'closed'
LEFT JOIN handback.file n ON n.release_of = f.file_id
LEFT JOIN handback.tie_out t ON t.file_id = f.file_id
WHERE ($1::text IS NULL OR p.code = $1)
	AND ($2::text IS NULL OR coalesce(h.how, f.state::text) = $2)
	AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
	AND ($4::timestamptz IS NULL OR f.decided_at < $4)
GROUP BY f.file_id, p.code, h.how, n.file_id
ORDER BY f.file_id DESC
LIMIT $5::bigint

-- name: file_facts
-- All that is known of one file. right_version: what was posted since and is what it should have been; in_place_of: the other way.
SELECT
	f.file_id AS file,
	f.name_shown AS name,
	p.code AS partner,
	f.source,
	CASE WHEN w.how = 'closed' THEN w.how ELSE f.state::text END AS state,
	f.hold_reason AS reason,
	r.meaning,
	CASE WHEN w.how IS DISTINCT FROM 'closed' THEN r.action_required END AS action_required,
	CASE WHEN w.how = 'closed' THEN w.ended_at END AS closed,
	f.duplicate_of,
	f.again_of,
	f.release_of,
	released.file_id AS released_as,
	CASE WHEN released.file_id IS NULL THEN handback.right_version(f) END AS right_version,
	(SELECT string_agg(o.file_id::text, ' ' ORDER BY o.file_id) FROM handback.file o
		WHERE f.state = 'posted' AND o.state = 'held' AND o.file_id < f.file_id AND (o.sha256 = f.sha256 OR ((o.partner_id, o.profile)
			= (f.partner_id, f.profile) AND ((o.period, o.place) = (f.period, f.place) OR o.business_date = f.business_date)))
			AND handback.right_version(o) = f.file_id AND NOT EXISTS (SELECT FROM handback.file n WHERE n.release_of = o.file_id)) AS in_place_of,
	f.records,
	f.bytes,
	encode(f.sha256, 'hex') AS sha256,
	f.profile,
	encode(f.profile_sha256, 'hex') AS profile_sha256,
	encode(f.rules_sha256, 'hex') AS rules_sha256,
	f.sequence,
	f.business_date,
	nullif(f.statement, '') AS statement,
	f.partner_file_id,
	f.original_message,
	f.seen_at AS seen,
	f.decided_at AS decided,
	f.archived_at AS archived,
	f.archived_as,
	handback.purged_at(f.file_id) AS purged,
	h.head_no,
	encode(h.root, 'hex') AS root,
	encode(h.head_hash, 'hex') AS head_hash
FROM handback.file f
JOIN handback.partner p USING (partner_id)
LEFT JOIN handback.hold_reason r ON r.reason = f.hold_reason
LEFT JOIN handback.file released ON released.release_of = f.file_id
LEFT JOIN handback.file_hold w ON w.file_id = f.file_id AND f.state = 'held'
LEFT JOIN audit.head h ON h.file_id = f.file_id
WHERE f.file_id = $1::bigint

-- name: file_profile_text
-- The profile that judged a file, as it was then, line by line. $1 file.
SELECT l.line
FROM handback.file f
JOIN handback.rule_text t ON t.sha256 = f.profile_sha256
CROSS JOIN LATERAL regexp_split_to_table(rtrim(convert_from(t.text, 'UTF8'), E'\n'), E'\n') WITH ORDINALITY AS l (line, n)
WHERE f.file_id = $1::bigint
ORDER BY l.n

-- name: file_decision_tables
-- The same of the decision tables.
SELECT l.line
FROM handback.file f
JOIN handback.rule_text t ON t.sha256 = f.rules_sha256
CROSS JOIN LATERAL regexp_split_to_table(rtrim(convert_from(t.text, 'UTF8'), E'\n'), E'\n') WITH ORDINALITY AS l (line, n)
WHERE f.file_id = $1::bigint
ORDER BY l.n

-- name: file_tie_out
-- What became of the records of one file.
SELECT n.name AS outcome, t.records, t.points
FROM handback.tie_out t
JOIN handback.outcome_name n USING (outcome)
WHERE t.file_id = $1::bigint
ORDER BY t.outcome

-- name: file_controls
-- What the partner stated of one file, beside what was counted.
SELECT c.name, c.place, c.stated, c.counted, c.agrees, c.counted - c.stated AS difference
FROM handback.control c
WHERE c.file_id = $1::bigint
ORDER BY c.n

-- name: file_refusals
-- Why one file was refused.
SELECT r.rule, r.record_no AS record, r.byte_offset, r.field, r.value_shown AS value, r.message
FROM handback.refusal r
WHERE r.file_id = $1::bigint
ORDER BY r.n

-- name: file_records
-- The records of one file, in its order. $2 their outcome, $3 at most so many, $4 behind this record.
SELECT
	o.record_no AS record,
	v.name AS verdict,
	n.name AS outcome,
	o.hold_reason AS reason,
	coalesce(d.points, o.points) AS points,
	coalesce(d.external_reference::text, o.reference) AS reference,
	o.reasons AS codes,
	o.detail,
	o.byte_offset,
	o.byte_length,
	o.redemption_id,
	o.reversal_id,
	o.revision,
	o.decided_at AS decided
FROM handback.outcome o
JOIN handback.verdict_name v USING (verdict)
JOIN handback.outcome_name n USING (outcome)
LEFT JOIN ledger.redemption d USING (redemption_id)
WHERE o.file_id = $1::bigint AND o.record_no > 0 AND ($2::text IS NULL OR n.name = $2)
	AND ($4::bigint IS NULL OR o.record_no > $4)
ORDER BY o.record_no, o.revision
LIMIT $3::bigint

-- name: file_holds
-- What waits, or waited, of one file: by reason.
SELECT h.reason, count(*) AS holds, count(*) - count(e.hold_id) AS open, coalesce(sum(h.points), 0) AS points,
	min(h.opened_at) AS oldest, r.action_required
FROM handback.hold h
JOIN handback.hold_reason r USING (reason)
LEFT JOIN handback.hold_end e USING (hold_id)
WHERE h.file_id = $1::bigint
GROUP BY h.reason, r.action_required
ORDER BY h.reason

-- name: file_same_bytes
-- Other files with the bytes of one: deliveries of whatever partner and name, releases, and what became of each.
SELECT
	o.file_id AS file,
	o.seen_at AS seen,
	p.code AS partner,
	o.name_shown AS name,
	CASE WHEN o.state = 'held' AND h.how = 'closed' THEN h.how ELSE o.state::text END AS state,
	o.hold_reason AS reason,
	CASE
		WHEN o.release_of = f.file_id OR f.release_of = o.file_id THEN 'its release'
		WHEN (o.partner_id, o.profile, o.statement) = (f.partner_id, f.profile, f.statement) THEN 'the same file'
		WHEN o.partner_id <> f.partner_id THEN 'of another partner'
		WHEN o.profile <> f.profile THEN 'by another profile'
		ELSE 'its name states something else'
	END AS relation,
	h.how AS ended
FROM handback.file f
JOIN handback.file o ON o.sha256 = f.sha256 AND o.file_id <> f.file_id
JOIN handback.partner p ON p.partner_id = o.partner_id
LEFT JOIN handback.file_hold h ON h.file_id = o.file_id
WHERE f.file_id = $1::bigint
ORDER BY o.file_id
LIMIT 100

-- name: file_failures
-- Each try of one file that failed by its own doing: of its delivery, and of its releases.
SELECT x.failed_at AS failed, x.release_of, x.why
FROM handback.file f
JOIN handback.file_failure x ON x.sha256 = f.sha256 AND (x.source, x.name) = (f.source, f.name)
	AND (x.release_of IS NOT DISTINCT FROM f.release_of OR x.release_of = f.file_id)
WHERE f.file_id = $1::bigint
ORDER BY x.failure_id
LIMIT 100
