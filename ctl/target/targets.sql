-- name: target_add
-- $1: name, $2: programme, $3: the connector's text.
SELECT handback.add_target($1::text, $2::text, $3::text) AS version, NULL AS causes

-- name: target_pause
SELECT handback.pause_target($1::text, $2::text) AS version, NULL AS causes

-- name: target_resume
SELECT handback.resume_target($1::text) AS version, NULL AS causes

-- name: target_replay
-- $1: name, $2: from when.
SELECT NULL AS version, handback.replay_target($1::text, $2::timestamptz) AS causes

-- name: target_replay_held
SELECT NULL AS version, handback.replay_held($1::text) AS causes

-- name: target_assign
-- $1: name, $2: to whom, $3: why, or NULL.
SELECT NULL AS version, handback.assign_target($1::text, $2::text, $3::text) AS causes

-- name: targets
-- $1: at most so many.
SELECT t.name AS target, t.programme, t.state, t.reason, t.ended_at AS last, t.result, t.why, t.later, t.held,
	(SELECT count(*) FROM handback.target_break b WHERE b.target = t.name) AS breaks, t.waiting_since
FROM handback.target_status t ORDER BY t.state = 'active', t.name LIMIT $1::bigint

-- name: target_held
-- What a target has not taken and is not sent again by itself. $1: its name, $2: at most so many.
SELECT w.kind, w.key, w.since, w.tries, o.http_status AS status, o.why
FROM handback.object_waiting w
JOIN handback.delivery_object o USING (target, kind, subject, key, delivery_id)
WHERE w.target = $1::text AND w.result = 'held'
ORDER BY w.since, w.kind, w.key
LIMIT $2::bigint

-- name: target_parity_begin
-- $1: name, $2: from when.
SELECT NULL AS version, NULL AS causes, handback.begin_parity($1::text, $2::timestamptz) AS parity

-- name: target_parity
-- $1: name, or NULL, $2: at most so many.
SELECT p.target, p.started_at AS started, p.ended_at AS ended, p.result, p.objects, p.missing, p.differing, p.unread, p.resent, p.open, p.why
FROM handback.parity_status p WHERE $1::text IS NULL OR p.target = $1 ORDER BY p.parity_id DESC LIMIT $2::bigint

-- name: target_breaks
-- What targets have otherwise than told, for a person to see to. $1: name, or NULL, $2: at most so many.
SELECT b.target, b.kind, b.key, b.difference, b.since, b.owner
FROM handback.target_break b WHERE $1::text IS NULL OR b.target = $1
ORDER BY b.since, b.target, b.kind, b.key LIMIT $2::bigint

-- name: target_differences
-- What the newest read-back of each found. $1: name, or NULL, $2: at most so many.
SELECT d.target, d.kind, d.key, d.difference, CASE WHEN d.resent THEN 'told again' ELSE 'open' END AS state
FROM handback.parity_difference d
WHERE ($1::text IS NULL OR d.target = $1)
	AND d.parity_id = (SELECT max(p.parity_id) FROM handback.parity p WHERE p.target = d.target)
ORDER BY d.resent, d.target, d.kind, d.key LIMIT $2::bigint

-- name: target_connector
SELECT t.connector FROM handback.target_now t WHERE t.name = $1::text

-- name: target_objects
-- What may be told of the redemption with this external_reference, of its member, and of its first line in the log.
SELECT handback.redemption_object(d.redemption_id) AS redemption, handback.balance_object(d.member_id) AS balance,
	handback.log_object(d.redemption_id, 'debit') AS log
FROM ledger.redemption d WHERE d.external_reference = $1::uuid

-- name: target_try
-- All that may be told of the redemption with this external_reference.
SELECT x.kind, x.object
FROM ledger.redemption d
CROSS JOIN LATERAL (
	SELECT 1 AS place, 'redemption' AS kind, handback.redemption_object(d.redemption_id) AS object
	UNION ALL
	SELECT 2, 'balance', handback.balance_object(d.member_id)
	UNION ALL
	SELECT 3, 'log', handback.log_object(d.redemption_id, n.line)
	FROM (SELECT unnest(ARRAY['debit', 'confirmation', 'reversal', 'reinstatement', 'credit']) AS line
		UNION ALL
		SELECT DISTINCT 'decision-' || o.event_id FROM handback.outcome o
		WHERE o.redemption_id = d.redemption_id AND o.event_id IS NOT NULL AND o.revision > 0) n) x
WHERE d.external_reference = $1::uuid AND x.object IS NOT NULL
ORDER BY x.place, x.object ->> 'logged_at'
