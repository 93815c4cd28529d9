-- name: partners
-- Each partner, with what shows how far it is: its first and last file, what is on hold, what should come.
SELECT p.code AS partner, f.first, f.last, f.posted, f.waiting, d.due, d.missing, t.terms
FROM handback.partner p
CROSS JOIN LATERAL (SELECT min(f.decided_at) AS first, max(f.decided_at) FILTER (WHERE f.state = 'posted') AS last,
	count(*) FILTER (WHERE f.state = 'posted') AS posted,
	count(*) FILTER (WHERE EXISTS (SELECT FROM handback.hold_open h WHERE h.file_id = f.file_id)) AS waiting
	FROM handback.file f WHERE f.partner_id = p.partner_id) f
CROSS JOIN LATERAL (SELECT min(e.due_at) FILTER (WHERE e.state = 'due') AS due, count(*) FILTER (WHERE e.state = 'missing') AS missing
	FROM handback.expected_files e
	WHERE e.source IN (SELECT s.source FROM handback.file s WHERE s.partner_id = p.partner_id)
		AND e.due_at > transaction_timestamp() - interval '7 days') d
LEFT JOIN LATERAL (SELECT string_agg(DISTINCT CASE WHEN n.within_days > 0 THEN n.within_days || ' business days' ELSE 'not watched' END, ', ') AS terms
	FROM handback.term_now n WHERE n.partner = p.code) t ON true
ORDER BY p.code

-- name: partner_steps
-- What a partner has to go through before it runs by itself, and what shows that it did. $1 partner.
WITH f AS MATERIALIZED (
	SELECT f.* FROM handback.file f JOIN handback.partner p USING (partner_id) WHERE p.code = $1::text
)
SELECT s.step, CASE WHEN s.at IS NULL THEN 'open' ELSE 'done' END AS state, s.at, s.evidence
FROM (
	SELECT 1 AS n, 'Redemptions name it' AS step, (SELECT min(d.redeemed_at) FROM ledger.redemption d WHERE d.partner = $1) AS at,
		(SELECT count(*) || ' routes of the redemption API lead to it' FROM api.route r WHERE r.partner = $1 AND r.valid_until IS NULL) AS evidence
	UNION ALL
	SELECT 2, 'Its source is polled', min(k.polled_at), string_agg(DISTINCT k.source, ', ')
	FROM handback.source_poll k WHERE k.source IN (SELECT source FROM f) AND k.result <> 'failed'
	UNION ALL
	SELECT 3, 'A file came', min(f.decided_at), (array_agg(f.name_shown ORDER BY f.file_id))[1] FROM f
	UNION ALL
	SELECT 4, 'A file was posted', min(f.decided_at), (array_agg(f.name_shown || ', ' || f.records || ' records' ORDER BY f.file_id))[1]
	FROM f WHERE f.state = 'posted'
	UNION ALL
	SELECT 5, 'A file was posted and nothing of it is on hold', min(f.decided_at), (array_agg(f.name_shown ORDER BY f.file_id))[1]
	FROM f WHERE f.state = 'posted' AND NOT EXISTS (SELECT FROM handback.hold h WHERE h.file_id = f.file_id)
	UNION ALL
	SELECT 6, 'It is known when files are due', min(e.opens_at), string_agg(DISTINCT e.source || ' ' || e.kind, ', ')
	FROM handback.expected_delivery e WHERE e.source IN (SELECT source FROM f)
	UNION ALL
	SELECT 7, 'It is known when answers are due', min(t.since),
		string_agg(DISTINCT t.profile || ': lists ' || t.lists || ', within ' || t.within_days || ' business days', '; ')
	FROM handback.term_now t WHERE t.partner = $1 AND t.within_days > 0
) s
ORDER BY s.n

-- name: partner_calendar
-- What it should send, and what came: two weeks back and one ahead. $1 partner.
SELECT e.due_at AS due, e.late_at AS late, e.state, e.source, e.kind, e.came, e.files, e.file_id AS file
FROM handback.expected_files e
WHERE e.source IN (SELECT s.source FROM handback.file s JOIN handback.partner p USING (partner_id) WHERE p.code = $1::text)
	AND e.due_at BETWEEN transaction_timestamp() - interval '14 days' AND transaction_timestamp() + interval '7 days'
ORDER BY e.due_at DESC, e.source, e.kind
LIMIT 100

-- name: partner_windows
-- When and how much it is asked for. $1 partner.
SELECT g.code AS programme, CASE WHEN t.open THEN 'open' ELSE 'closed' END AS state, t.schedule, t.zone, t.account, t.request_points,
	t.person_points, t.person_days
FROM points.partner_now t JOIN api.programme_code g USING (programme_id)
WHERE t.partner = $1::text
ORDER BY g.code

-- name: partner_routes
-- What of the redemption API it fulfils. $1 partner.
SELECT g.code AS programme, r.transaction_type AS type, r.merchant, r.prefix, r.valid_from AS since
FROM api.route r JOIN api.programme_code g USING (programme_id)
WHERE r.partner = $1::text AND (r.valid_until IS NULL OR r.valid_until > transaction_timestamp())
ORDER BY g.code, r.transaction_type, r.merchant NULLS LAST

-- name: targets
SELECT t.name AS target, t.programme, t.state, t.reason, t.ended_at AS last, t.result, t.later, t.held, t.waiting_since, t.why
FROM handback.target_status t ORDER BY t.state = 'active', t.name

-- name: target_now
-- How one of them stands. $1 target.
SELECT t.name AS target, t.programme, t.state, t.reason, t.ended_at AS last, t.result, t.later, t.held, t.waiting_since, t.why
FROM handback.target_status t WHERE t.name = $1::text

-- name: target_breaks
-- What it has otherwise than told, for a person to see to. $1 target.
SELECT b.kind, b.key, b.difference, b.since, b.owner
FROM handback.target_break b WHERE b.target = $1::text
ORDER BY b.since, b.kind, b.key
LIMIT 200

-- name: target_pause
-- $1 target, $2 why.
SELECT handback.pause_target($1::text, $2::text) AS version

-- name: target_resume
SELECT handback.resume_target($1::text) AS version

-- name: target_parity_begin
-- Has it asked for what it was told since the last time. $1 target.
SELECT handback.begin_parity($1::text, NULL) AS parity

-- name: target_replay
-- What it did not take is sent again. $1 target.
SELECT handback.replay_held($1::text) AS objects

-- name: target_assign
-- $1 target, $2 to whom.
SELECT handback.assign_target($1::text, $2::text, NULL) AS event

-- name: verify_size
-- How many records the proof is of, before it is begun.
SELECT coalesce(sum(f.records), 0)::bigint AS records FROM handback.file f

-- name: target_parity
-- What each read-back found, the newest first. $1 target.
SELECT p.started_at AS started, p.ended_at AS ended, p.result, p.objects, p.missing, p.differing, p.unread, p.resent, p.open, p.why
FROM handback.parity_status p WHERE p.target = $1::text ORDER BY p.parity_id DESC LIMIT 30

-- name: target_differences
-- What the newest read-back found. $1 target.
SELECT d.kind, d.key, d.difference, CASE WHEN d.resent THEN 'told again' ELSE 'open' END AS state
FROM handback.parity_difference d
WHERE d.target = $1::text AND d.parity_id = (SELECT max(p.parity_id) FROM handback.parity p WHERE p.target = d.target)
ORDER BY d.resent, d.kind, d.key
LIMIT 200

-- name: target_held
-- What it has not taken, and is not sent again by itself. $1 target.
SELECT w.kind, w.key, w.since, w.tries, o.http_status AS status, o.why
FROM handback.object_waiting w
JOIN handback.delivery_object o USING (target, kind, subject, key, delivery_id)
WHERE w.target = $1::text AND w.result = 'held'
ORDER BY w.since, w.kind, w.key
LIMIT 200

-- name: settings
-- What the shop was ever allowed, what is in force first.
SELECT s.setting_id AS setting, s.programme, s.state, s.rate_points, s.rate_minor, s.currency, s.minimum_balance, s.shop, s.address,
	s.permitted, s.valid_from, s.valid_until, s.why, s.proposed_by, s.ended_by, s.answer
FROM catalogue.settings s
ORDER BY pg_catalog.array_position(ARRAY['proposed', 'in force', 'to come'], s.state) NULLS LAST, s.setting_id DESC
LIMIT 200

-- name: settings_proposed
SELECT s.setting_id AS setting, s.programme, s.proposed_by FROM catalogue.settings s WHERE s.state = 'proposed' ORDER BY s.setting_id

-- name: programmes
SELECT DISTINCT p.programme FROM api.policy p ORDER BY p.programme

-- name: setting_propose
-- $1: programme, $2: why, $3: points, $4: for so many units of currency, $5: minimum balance, $6: shop, $7: address.
SELECT catalogue.propose($1::text, $2::text, $3::bigint, $4::bigint, $5::bigint, $6::text, $7::text, NULL, NULL, NULL) AS number

-- name: setting_approve
SELECT catalogue.approve($1::integer, $2::text) AS event

-- name: setting_reject
SELECT catalogue.reject($1::integer, $2::text) AS event

-- name: credentials
-- Who may call the redemption API or send files by it; no hash of a secret.
SELECT c.client_id AS client, c.programme, NULL::text AS source, CASE WHEN c.revoked THEN 'revoked' ELSE 'in force' END AS state,
	c.generation, c.calls_per_minute, c.points_per_day, c.scopes, c.made_at, c.made_by
FROM api.credentials c
UNION ALL
SELECT s.client_id, NULL, s.source, CASE WHEN s.revoked THEN 'revoked' ELSE 'in force' END, s.generation, s.calls_per_minute, NULL,
	NULL, s.made_at, s.made_by
FROM api.senders s
ORDER BY client

-- name: tokens
-- The shop's tokens: those that end first are first.
SELECT t.programme, t.scope, t.generation, t.state, t.made_at, t.made_by, t.expires_at
FROM catalogue.tokens t ORDER BY t.state IN ('expired', 'ended'), t.expires_at, t.programme, t.scope
LIMIT 200

-- name: batches
-- The control account of each batch of points requests: closed at zero, and at nothing else.
SELECT b.batch_no AS batch, b.programme, b.partner, b.sequence, CASE WHEN b.ended_at IS NULL THEN 'open' ELSE 'closed' END AS state, b.cut_off,
	b.file AS request_file, b.requests, b.requested, b.credited, b.rejected, b.open, b.unknown
FROM points.batches b ORDER BY b.ended_at IS NOT NULL, b.batch_no DESC
LIMIT 200

-- name: unanswered
SELECT u.programme, u.partner, u.sequence, u.days, u.requests, u.points FROM points.unanswered u ORDER BY u.days DESC, u.partner, u.sequence
LIMIT 200

-- name: chain
-- The newest heads, hashed again now: does each say what its hash says, and does it continue the one before?
WITH newest AS MATERIALIZED (
	SELECT h.*, lag(h.head_hash) OVER (ORDER BY h.head_no) AS before, lag(h.head_no) OVER (ORDER BY h.head_no) AS number_before
	FROM (SELECT * FROM audit.head ORDER BY head_no DESC LIMIT 10000) h
)
SELECT max(n.head_no) AS head_no, max(n.made_at) AS made, count(*) AS checked,
	count(*) FILTER (WHERE n.head_hash <> sha256(convert_to(n.head_text, 'UTF8')) OR (n.before IS NOT NULL AND n.previous <> n.before)
		OR n.head_no <> n.number_before + 1) AS broken,
	(SELECT encode(h.head_hash, 'hex') FROM audit.head h ORDER BY h.head_no DESC LIMIT 1) AS head_hash
FROM newest n HAVING count(*) > 0

-- name: events
-- What people and the service did, the newest first. $1 whose, $2 before this event.
SELECT a.event_id AS event, a.at, a.who, a.what, a.subject, a.why, a.detail
FROM audit.event a
WHERE ($1::text IS NULL OR a.who = $1) AND ($2::bigint IS NULL OR a.event_id < $2)
ORDER BY a.event_id DESC
LIMIT 200

-- name: people
-- Who may log in and do something here, and when each did last.
SELECT r.rolname AS person, CASE WHEN r.rolsuper THEN 'everything' WHEN pg_has_role(r.oid, 'handback_operator', 'MEMBER') THEN 'decides'
		ELSE 'reads' END AS may,
	(SELECT max(l.at) FROM handback.web_login l WHERE l.person = r.rolname) AS pages,
	(SELECT max(a.at) FROM audit.event a WHERE a.who = r.rolname) AS acted,
	(SELECT count(*) FROM audit.event a WHERE a.who = r.rolname) AS events
FROM pg_catalog.pg_roles r
WHERE r.rolcanlogin AND NOT starts_with(r.rolname, 'handback_') AND pg_has_role(r.oid, 'handback_finance', 'MEMBER')
ORDER BY r.rolname
LIMIT 500
