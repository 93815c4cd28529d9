-- name: rematch_waiting
-- The records of a file that wait for their redemption, in order. $1 file.
SELECT h.record_no
FROM handback.hold_now h
WHERE h.file_id = $1::bigint AND h.reason = 'unknown_reference' AND h.record_no IS NOT NULL
	AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
ORDER BY h.record_no

-- name: rematch_open
-- Open holds of a source for unknown references: those that are tried again, and those that expire now, after one
-- last try. $1 source, $2 unknown_days.
SELECT count(*) FILTER (WHERE h.opened_at > transaction_timestamp() - make_interval(days => $2::integer)) AS young,
	count(*) FILTER (WHERE h.opened_at <= transaction_timestamp() - make_interval(days => $2::integer)) AS old
FROM handback.hold_now h
JOIN handback.file f USING (file_id)
WHERE h.reason = 'unknown_reference' AND f.source = $1::text
	AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)

-- name: rematch_guard
-- What was matched now stays held, by the guard: one event that names the records, with what would have become of each.
-- $1 file, $2 what the guard says. Takes pg_temp.decided. verify_people.sql makes the same text of the rows.
WITH found AS MATERIALIZED (
	SELECT h.hold_id, d.redemption_id, d.outcome, n.name
	FROM pg_temp.decided d
	JOIN handback.hold h ON h.file_id = $1::bigint AND h.record_no = d.record_no
		AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
	JOIN handback.outcome_name n ON n.outcome = d.outcome
	WHERE d.hold_reason IS NULL
), event AS MATERIALIZED (
	SELECT audit.append_service_event('guarded', 'file ' || $1::bigint, $2::text,
		string_agg(format('hold %s redemption %s %s', hold_id, redemption_id, name), ', ' ORDER BY hold_id)) AS event_id
	FROM found
)
INSERT INTO handback.hold_guarded (hold_id, redemption_id, outcome, event_id)
SELECT hold_id, redemption_id, outcome, event_id FROM found, event

-- name: rematch_count
-- What a rematch would do: records, those that are reversed and their points, those that do not fit; and what the guard judges beside
-- it: the file's partner, profile and records, what it has reversed before (at first, or by other rematches), and whether people waived the
-- guard for it. $1 file. Takes pg_temp.decided.
SELECT d.records, d.reversed, d.points, d.unfit, f.records AS file_records, f.partner_id, f.profile, b.reversed AS reversed_before, b.points AS points_before,
	'guard' = ANY (handback.waived_checks(f.release_of)) AS released
FROM handback.file f
CROSS JOIN (
	SELECT count(*) FILTER (WHERE hold_reason IS NULL) AS records, count(*) FILTER (WHERE hold_reason IS NOT NULL) AS unfit,
		count(*) FILTER (WHERE outcome = :OUTCOME_REVERSED) AS reversed,
		coalesce(sum(redeemed_points) FILTER (WHERE outcome = :OUTCOME_REVERSED), 0)::bigint AS points
	FROM pg_temp.decided) d
CROSS JOIN LATERAL (
	SELECT count(*) AS reversed, coalesce(sum(r.points), 0)::bigint AS points
	FROM handback.outcome o
	JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
	LEFT JOIN audit.event a ON a.event_id = o.event_id
	WHERE o.file_id = f.file_id AND o.outcome = :OUTCOME_REVERSED AND (o.revision = 0 OR a.what IN ('rematched', 'group_answered'))) b
WHERE f.file_id = $1::bigint

-- name: rematch_files
-- Files with records whose reference was unknown and that are tried again. $1 source,
-- $2 true where the profile matches by more than references: then nothing can be known before the file is read again.
-- Gives: file, its profile, where it is kept, its name (hex), records to try. A record of a file that a person is about
-- to decide stays open to both: who ends the hold first, decides. However old: what has expired since the last run
-- is tried once more before it is closed.
SELECT f.file_id, f.profile, f.archived_as, encode(f.name, 'hex') AS name, count(*) AS records
FROM handback.hold_now h
JOIN handback.file f ON f.file_id = h.file_id
JOIN handback.partner p ON p.partner_id = f.partner_id
JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
WHERE h.reason = 'unknown_reference' AND f.source = $1::text AND f.archived_as LIKE 'archive/%'
	AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
	AND ($2::boolean OR EXISTS (
		SELECT FROM ledger.redemption r WHERE r.partner = p.code AND r.external_reference =
			CASE WHEN o.reference ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN o.reference::uuid END)
		OR EXISTS (SELECT FROM ledger.redemption r WHERE r.partner = p.code AND r.outbound_reference = o.reference)
		OR EXISTS (SELECT FROM ledger.redemption r WHERE r.partner = p.code AND r.partner_reference = o.reference))
GROUP BY f.file_id, f.profile, f.archived_as, f.name
ORDER BY f.file_id

-- name: rematch_write
-- What was rematched: one event, a later revision of each outcome under its tree, and the end of each hold. $1 file.
-- Takes pg_temp.decided; the reversals stand in the ledger already.
WITH made AS MATERIALIZED (
	SELECT h.hold_id, ROW(h.file_id, d.record_no,
		(SELECT max(o.revision) + 1 FROM handback.outcome o WHERE o.file_id = h.file_id AND o.record_no = d.record_no),
		d.verdict, d.outcome, d.byte_length, d.byte_offset, d.redemption_id, v.reversal_id, d.points, NULL, d.reference,
		d.reasons, d.detail, transaction_timestamp(), NULL, NULL)::handback.outcome AS o
	FROM pg_temp.decided d
	JOIN handback.hold h ON h.file_id = $1::bigint AND h.record_no = d.record_no
		AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
	LEFT JOIN ledger.reversal v ON v.redemption_id = d.redemption_id AND d.outcome = :OUTCOME_REVERSED
	WHERE d.hold_reason IS NULL
), hashed AS MATERIALIZED (
	SELECT hold_id, o, handback.leaf_hash(o) AS leaf FROM made
), event AS MATERIALIZED (
	SELECT audit.append_service_event('rematched', 'file ' || $1::bigint, NULL,
		format('%s records whose redemption was unknown', count(*)), count(*),
		audit.merkle_root(array_agg(leaf ORDER BY (o).record_no))) AS event_id
	FROM hashed
), ended AS (
	INSERT INTO handback.hold_end (hold_id, how) SELECT hold_id, 'rematched' FROM hashed
)
INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id,
	reversal_id, points, hold_reason, reference, reasons, detail, decided_at, event_id, leaf_hash)
SELECT (o).file_id, (o).record_no, (o).revision, (o).verdict, (o).outcome, (o).byte_length, (o).byte_offset,
	(o).redemption_id, (o).reversal_id, (o).points, NULL, (o).reference, (o).reasons, (o).detail, (o).decided_at,
	event.event_id, leaf
FROM hashed, event

-- name: rematch_copy
-- Takes rows in binary, gives pg_temp.decided.
COPY pg_temp.decided (record_no, verdict, outcome, byte_length, byte_offset, redemption_id, redeemed_points, points, hold_reason,
	reference, reasons, detail) FROM STDIN (FORMAT binary)

-- name: rematch_unfit
-- What was found now and does not fit stays held, for its true reason and with both values: one event that names the
-- records, a later revision of each outcome under its tree. Such a hold never expires. $1 file. Takes pg_temp.decided.
-- lib/proof/verify/verify.sql makes the same text of the rows.
WITH made AS MATERIALIZED (
	SELECT h.hold_id, ROW(h.file_id, d.record_no,
		(SELECT max(o.revision) + 1 FROM handback.outcome o WHERE o.file_id = h.file_id AND o.record_no = d.record_no),
		d.verdict, d.outcome, d.byte_length, d.byte_offset, d.redemption_id, NULL, d.points, d.hold_reason, d.reference,
		d.reasons, d.detail, transaction_timestamp(), NULL, NULL)::handback.outcome AS o
	FROM pg_temp.decided d
	JOIN handback.hold h ON h.file_id = $1::bigint AND h.record_no = d.record_no
		AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
	WHERE d.hold_reason IS NOT NULL
), hashed AS MATERIALIZED (
	SELECT hold_id, o, handback.leaf_hash(o) AS leaf FROM made
), event AS MATERIALIZED (
	SELECT audit.append_service_event('rematch_held', 'file ' || $1::bigint, NULL,
		string_agg(format('hold %s redemption %s %s', hold_id, coalesce((o).redemption_id::text, '(several)'), (o).hold_reason), ', '
			ORDER BY hold_id), count(*), audit.merkle_root(array_agg(leaf ORDER BY (o).record_no))) AS event_id
	FROM hashed
), found AS (
	INSERT INTO handback.hold_found (hold_id, redemption_id, reason, event_id)
	SELECT hold_id, (o).redemption_id, (o).hold_reason, event.event_id FROM hashed, event
)
INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id,
	points, hold_reason, reference, reasons, detail, decided_at, event_id, leaf_hash)
SELECT (o).file_id, (o).record_no, (o).revision, (o).verdict, (o).outcome, (o).byte_length, (o).byte_offset,
	(o).redemption_id, (o).points, (o).hold_reason, (o).reference, (o).reasons, (o).detail, (o).decided_at, event.event_id, leaf
FROM hashed, event

-- name: rematch_expire
-- Records whose reference was never known: closed, one event for each file, a later revision of each outcome under its
-- tree, and the end of each hold. Nothing is posted. $1 source, $2 unknown_days. Gives how many.
WITH old AS MATERIALIZED (
	SELECT h.hold_id, h.file_id, ROW(o.file_id, o.record_no, (SELECT max(x.revision) + 1 FROM handback.outcome x
			WHERE x.file_id = o.file_id AND x.record_no = o.record_no), o.verdict, :OUTCOME_CLOSED, o.byte_length, o.byte_offset, NULL,
		NULL, o.points, NULL, o.reference, o.reasons, format('unknown for %s days', $2::integer), transaction_timestamp(),
		NULL, NULL)::handback.outcome AS o
	FROM handback.hold_now h
	JOIN handback.file f ON f.file_id = h.file_id
	JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
	WHERE h.reason = 'unknown_reference' AND f.source = $1::text
		AND h.opened_at <= transaction_timestamp() - make_interval(days => $2::integer)
		AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
), hashed AS MATERIALIZED (
	SELECT hold_id, file_id, o, handback.leaf_hash(o) AS leaf FROM old
), event AS MATERIALIZED (
	SELECT file_id, audit.append_service_event('unknown_reference_expired', 'file ' || file_id, NULL,
		format('%s records whose redemption was unknown for %s days', count(*), $2::integer), count(*),
		audit.merkle_root(array_agg(leaf ORDER BY (o).record_no))) AS event_id
	FROM hashed
	GROUP BY file_id
), ended AS (
	INSERT INTO handback.hold_end (hold_id, how) SELECT hold_id, 'unknown_reference_expired' FROM hashed
), written AS (
	INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, points, reference,
		reasons, detail, decided_at, event_id, leaf_hash)
	SELECT (o).file_id, (o).record_no, (o).revision, (o).verdict, (o).outcome, (o).byte_length, (o).byte_offset, (o).points,
		(o).reference, (o).reasons, (o).detail, (o).decided_at, event.event_id, leaf
	FROM hashed JOIN event USING (file_id)
	RETURNING record_no
)
SELECT count(*) AS expired FROM written

-- name: rematch_overtaken
-- Ends holds whose redemption was settled since by none of the partner's files. $1 source. Gives how many.
SELECT handback.overtake_by_night($1::text) AS overtaken
