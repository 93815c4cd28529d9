-- name: session_as_of
-- Of a standby: when the last transaction that it has was committed on the primary.
SELECT coalesce(to_char(pg_catalog.pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'before it was started') AS as_of

-- name: status_database
-- The server that is asked: $1 its name, $2 its timeline.
SELECT $1::text AS server, nullif($2::text, '') AS timeline, pg_catalog.pg_postmaster_start_time() AS since,
	coalesce(nullif(pg_catalog.current_setting('synchronous_standby_names'), ''), 'none') AS standbys,
	pg_catalog.current_setting('synchronous_commit') AS synchronous_commit

-- name: status_due
-- Files that should be here, and those that should come next. $1 at most so many.
SELECT e.source, e.kind, e.due_at AS due, e.state, e.came, e.files
FROM handback.expected_files e
WHERE e.state IN ('due', 'overdue', 'missing', 'poll_failed') AND e.due_at > transaction_timestamp() - interval '7 days'
ORDER BY e.due_at, e.source, e.kind
LIMIT $1::bigint

-- name: status_targets
-- Other systems: how far each was told.
SELECT t.name AS target, t.state, t.waiting_since, t.later, t.held, coalesce(t.reason, t.why) AS why
FROM handback.target_status t
ORDER BY t.state = 'active', t.name

-- name: status_points
-- Points requests: what two people have to decide, batches without a file, batches that are open, requests without an answer.
SELECT a.partner, a.programme, a.matter, sum(a.number)::bigint AS number, sum(a.points)::bigint AS points, min(a.since) AS since
FROM points.attention() a
GROUP BY a.partner, a.programme, a.matter
ORDER BY a.partner, a.programme, a.matter

-- name: status_holds
-- Open holds.
SELECT p.code AS partner, h.reason, count(*) AS holds, coalesce(sum(h.points), 0) AS points, min(h.opened_at) AS oldest
FROM handback.hold_open h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
WHERE h.counts
GROUP BY p.code, h.reason
ORDER BY p.code, h.reason
