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

-- name: targets
SELECT t.name AS target, t.programme, t.state, t.reason, t.ended_at AS last, t.result, t.why, t.later, t.held, t.waiting_since
FROM handback.target_status t ORDER BY t.state = 'active', t.name

-- name: target_held
-- What a target has not taken and is not sent again by itself. $1: its name, $2: at most so many.
SELECT w.kind, w.key, w.since, w.tries, o.http_status AS status, o.why
FROM handback.object_waiting w
JOIN handback.delivery_object o USING (target, kind, subject, key, delivery_id)
WHERE w.target = $1::text AND w.result = 'held'
ORDER BY w.since, w.kind, w.key
LIMIT $2::bigint

-- name: target_connector
SELECT t.connector FROM handback.target_now t WHERE t.name = $1::text

-- name: target_objects
-- What may be told of the redemption with this external_reference, of its member, and of its first line in the log.
SELECT handback.redemption_object(d.redemption_id) AS redemption, handback.balance_object(d.member_id) AS balance,
	handback.log_object(d.redemption_id, 'debit') AS log
FROM ledger.redemption d WHERE d.external_reference = $1::uuid
