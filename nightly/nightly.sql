-- name: nightly_place
-- $1 source.
SELECT handback.assign_deliveries($1::text)

-- name: nightly_acknowledgements
-- $1 source, $2 partner, $3 programme or NULL, $4 within so many minutes.
SELECT points.expect_acknowledgements($1::text, $2::text, $3::text, $4::integer)

-- name: nightly_read_back
-- Has each target asked for what it was told.
SELECT handback.begin_parities()

-- name: nightly_unwatch
-- What was answered is no longer looked at by those who ask what is open.
SELECT handback.unwatch_answered() AS debits

-- name: nightly_count_deliveries
-- Deliveries to targets that nothing needs, older than $1 milliseconds.
SELECT count(*) AS deliveries FROM handback.purgeable_deliveries($1::bigint * interval '1 millisecond')

-- name: nightly_purge_deliveries
SELECT handback.purge_deliveries($1::bigint * interval '1 millisecond') AS deliveries

-- name: nightly_days
-- The days of the last week whose report is to be there: those with files, and yesterday in any case.
SELECT d.day::date::text AS day
FROM generate_series((transaction_timestamp() AT TIME ZONE 'UTC')::date - 7,
	(transaction_timestamp() AT TIME ZONE 'UTC')::date - 1, interval '1 day') d (day)
WHERE d.day::date = (transaction_timestamp() AT TIME ZONE 'UTC')::date - 1 OR EXISTS (
	SELECT FROM handback.file f WHERE f.decided_at >= d.day::timestamp AT TIME ZONE 'UTC'
		AND f.decided_at < (d.day + interval '1 day')::timestamp AT TIME ZONE 'UTC')
ORDER BY d.day

-- name: nightly_expected_deliveries
-- $1 source, $2 kind, $3 zone, $4 minute of the day, $5 days of the week, $6 grace in minutes, $7 files, $8 pattern of
-- names or NULL, $9 whether empty ones come, $10 holidays, $11 how many expected days back a file's date may lie.
SELECT handback.make_expected_deliveries($1::text, $2::text, $3::text, $4::integer, $5::integer, $6::integer, $7::integer,
	transaction_timestamp(), $8::text, $9::boolean, $10::date[], $11::integer)

-- name: nightly_expected
-- Expected files that are not done with, and those of the last week. $1 source or NULL.
SELECT e.source, e.kind, e.day::text AS day, e.due_at AS due, e.state, e.came, e.files
FROM handback.expected_files e
WHERE ($1::text IS NULL OR e.source = $1) AND e.day > current_date - 7
ORDER BY e.due_at, e.source, e.kind

-- name: nightly_missing
-- Says of what is overdue that it is missing, or that nothing was due: a partner that sends no empty files, and lists
-- its rejects alone or owes no answer, may have had nothing to report. $1 source, $2 partner, $3 true where it lists
-- rejects alone. Gives how many are newly missing.
WITH judged AS (
	INSERT INTO handback.expected_delivery_missing (expected_delivery_id, files, judged)
	SELECT e.expected_delivery_id, e.files - e.came, CASE WHEN i.empty OR (NOT $3::boolean AND EXISTS (
			SELECT FROM handback.open_item o WHERE o.partner = $2::text AND o.redeemed_at < i.due_at))
		THEN 'missing' ELSE 'nothing_due' END
	FROM handback.expected_files e
	JOIN handback.expected_delivery i USING (expected_delivery_id)
	WHERE e.source = $1::text AND e.state = 'overdue'
	ON CONFLICT DO NOTHING
	RETURNING judged)
SELECT count(*) FILTER (WHERE judged = 'missing') AS missing FROM judged

-- name: nightly_source_poll
-- How polling went, where that is something else than before. $1 source, $2 result, $3 why, $4 when (microseconds).
INSERT INTO handback.source_poll (source, polled_at, result, why)
SELECT $1::text, timestamptz 'epoch' + $4::bigint * interval '1 microsecond', $2::text, $3::text
WHERE ($2::text, coalesce($3::text, '')) IS DISTINCT FROM (
	SELECT (l.result, coalesce(l.why, '')) FROM handback.source_poll l WHERE l.source = $1::text ORDER BY l.poll_id DESC LIMIT 1)

-- name: nightly_overdue
-- Unanswered redemptions of a partner by a profile as it is now, and those to deem accepted. $1 source, $2 partner,
-- $3 programme, $4 profile, $5 lists, $6 order_by, $7 business days, $8 zone, $9 holidays.
SELECT $2::text AS partner, $3::text AS programme, $7::integer AS within_days, count(*) AS redemptions,
	coalesce(sum(o.points), 0) AS points, min(o.redeemed_at) AS oldest,
	count(*) FILTER (WHERE $5 = 'rejects' AND o.last_reply IS NULL AND o.file_id IS NOT NULL) AS deemed_accepted
FROM handback.unanswered_redemptions(ROW(0, $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::integer, $8::text, $9::date[],
	transaction_timestamp())::handback.term) o

-- name: nightly_holds
-- Open holds by partner and reason, with the age of the oldest in seconds.
SELECT p.code AS partner, h.reason, count(*) AS holds,
	extract(epoch FROM transaction_timestamp() - min(h.opened_at))::bigint AS oldest_seconds,
	extract(epoch FROM min(h.opened_at))::bigint AS opened
FROM handback.hold_open h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE h.counts
GROUP BY p.code, h.reason
ORDER BY p.code, h.reason

-- name: nightly_targets
-- Systems that are told nothing any more, that did not take something, or that are a day behind; what makes each another matter.
SELECT 'target_stopped' AS kind, t.name AS target, t.version::text AS what, 'is told nothing any more' AS said, t.reason,
	'status' AS command
FROM handback.target_status t
WHERE t.state = 'stopped'
UNION ALL
SELECT 'target_held', t.name, t.held::text, format('did not take %s objects', t.held), NULL, 'held ' || t.name
FROM handback.target_status t
WHERE t.held > 0
UNION ALL
SELECT 'target_differs', b.target, count(*)::text, format('has %s objects otherwise than it was told, which %s has to see to', count(*), min(b.owner)),
	NULL, 'parity ' || b.target
FROM handback.target_break b
GROUP BY b.target
UNION ALL
SELECT 'target_lags', t.name, (t.waiting_since AT TIME ZONE 'UTC')::date::text,
	format('was not told what happened at %s', t.waiting_since), NULL, 'status'
FROM handback.target_status t
WHERE t.state = 'active' AND t.waiting_since < transaction_timestamp() - interval '1 day'
ORDER BY 1, 2

-- name: nightly_points
-- Points requests that wait for people or partners too long: above a cap since yesterday, a batch without a file since an hour,
-- one that is open since a week, a question that is overdue. what makes each another matter.
SELECT 'points_' || a.matter AS kind, a.programme, a.partner, (a.since AT TIME ZONE 'UTC')::date::text AS what, a.number, a.points,
	to_char(a.since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
FROM points.attention() a
WHERE a.since < transaction_timestamp() - CASE a.matter WHEN 'batch_unplaced' THEN interval '1 hour' WHEN 'batch_open' THEN interval '7 days'
	WHEN 'unknown' THEN interval '1 day' WHEN 'differs' THEN interval '0' WHEN 'held' THEN interval '0' WHEN 'question_overdue' THEN interval '0' END
ORDER BY 1, 2, 3

-- name: nightly_tell
-- What was found missing in the last week, notified or not: kind, day, due, how many. $1 source.
SELECT i.kind, i.day::text, i.due_at::text, m.files
FROM handback.expected_delivery_missing m
JOIN handback.expected_delivery i USING (expected_delivery_id)
WHERE i.source = $1::text AND m.judged = 'missing' AND m.recorded_at > transaction_timestamp() - interval '7 days'
ORDER BY i.due_at, i.kind

-- name: nightly_tokens
-- The newest token of each shop, where it is good for less than two weeks, or is no longer.
SELECT t.programme, t.scope, t.generation, to_char(t.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS expires,
	t.expires_at <= transaction_timestamp() AS expired
FROM catalogue.tokens t
WHERE t.expires_at < transaction_timestamp() + interval '14 days'
	AND NOT EXISTS (SELECT FROM catalogue.tokens n WHERE n.programme = t.programme AND n.scope = t.scope AND n.generation > t.generation)
ORDER BY t.programme, t.scope

-- name: nightly_scheduled
SELECT d.name AS schedule, d.first_day::text AS first_day, d.last_day::text AS last_day, d.format
FROM handback.report_due d
ORDER BY d.last_day, d.name

-- name: nightly_due_reports
-- What is due, the oldest first: a schedule that begins years ago takes several nights.
SELECT d.schedule_id, d.name AS schedule, d.first_day::text AS first_day, d.last_day::text AS last_day, d.programme, d.categories, d.partner, d.member,
	d.type, d.merchant, d.state, d.fewest, d.most, d.columns, d.format
FROM handback.report_due d
ORDER BY d.last_day, d.name
LIMIT 400

-- name: nightly_note_report
-- $1 schedule, $2 and $3 first and last day, $4 name of the file, $5 its SHA-256, $6 entries, $7 sums.
SELECT handback.note_scheduled_report($1::integer, $2::date, $3::date, $4::text, pg_catalog.decode($5::text, 'hex'), $6::bigint, $7::text)

-- name: nightly_noted_reports
-- Those of the last weeks: what a night that was killed has not named or not told is found here.
SELECT s.name AS schedule, r.first_day::text AS first_day, r.last_day::text AS last_day, r.file_name, pg_catalog.encode(r.sha256, 'hex') AS sha256,
	r.entries, r.sums, s.mail
FROM handback.scheduled_report r JOIN handback.report_schedules s USING (schedule_id)
WHERE r.written_at > transaction_timestamp() - interval '35 days'
ORDER BY r.last_day, s.name
