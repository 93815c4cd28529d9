-- name: collector_holds
-- Open holds: partner, reason, how long it has waited, how many, when the oldest was opened.
SELECT p.code AS partner, h.reason, a.age, count(*) AS holds, extract(epoch FROM min(h.opened_at))::bigint AS oldest
FROM handback.hold_open h
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
CROSS JOIN LATERAL (SELECT CASE
	WHEN h.opened_at > statement_timestamp() - interval '1 day' THEN 'day'
	WHEN h.opened_at > statement_timestamp() - interval '7 days' THEN 'week'
	WHEN h.opened_at > statement_timestamp() - interval '30 days' THEN 'month'
	ELSE 'older' END AS age) a
WHERE h.counts
GROUP BY p.code, h.reason, a.age
ORDER BY p.code, h.reason, a.age

-- name: collector_targets
-- Systems that are told: state, objects that wait for another try or are held, what they have otherwise than told, when the oldest of what
-- was not told was recorded, and when they were last read back.
SELECT t.name, t.state, t.later, t.held, (SELECT count(*) FROM handback.target_break b WHERE b.target = t.name) AS breaks,
	extract(epoch FROM t.waiting_since)::bigint AS waiting,
	(SELECT extract(epoch FROM max(p.ended_at))::bigint FROM handback.parity_status p WHERE p.target = t.name AND p.result = 'done') AS read
FROM handback.target_status t
ORDER BY t.name

-- name: collector_late
-- What should be here and is not: source, kind, when it was due (seconds since 1970), the oldest of each.
SELECT e.source, e.kind, extract(epoch FROM min(e.due_at))::bigint AS due
FROM handback.expected_files e
WHERE e.state IN ('overdue', 'missing', 'poll_failed')
GROUP BY e.source, e.kind
ORDER BY e.source, e.kind

-- name: collector_points
-- Points requests: what waits, and since when (seconds since 1970).
SELECT a.programme, a.partner, a.matter, coalesce(a.age, '') AS age, a.number, a.points, extract(epoch FROM a.since)::bigint AS since
FROM points.attention() a
ORDER BY a.programme, a.partner, a.matter, a.age

-- name: collector_tokens
-- Until when the newest token of each shop is good: programme, scope, seconds since 1970.
SELECT t.programme, t.scope, max(extract(epoch FROM t.expires_at)::bigint) AS expires
FROM catalogue.tokens t
WHERE NOT EXISTS (SELECT FROM catalogue.tokens n WHERE n.programme = t.programme AND n.scope = t.scope AND n.generation > t.generation)
GROUP BY t.programme, t.scope
ORDER BY t.programme, t.scope

-- name: collector_server
-- Does what is committed wait for a standby?
SELECT pg_catalog.current_setting('synchronous_standby_names') <> '' AS synchronous
