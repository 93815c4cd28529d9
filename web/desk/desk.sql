-- name: enter
-- Takes the link: $1 its hash, hex.
SELECT handback.enter_by_web(pg_catalog.decode($1::text, 'hex')) AS entered, current_user = 'handback_operator' AS decides

-- name: fresh
-- Did the person show so lately who it is that it may approve?  $1: the hash of its link, hex; $2: how lately, in ms, 0 for whenever.
SELECT $2::bigint = 0 OR pg_catalog.clock_timestamp() - l.authenticated_at < $2::bigint * interval '1 ms' AS fresh
FROM handback.web_login l WHERE l.hash = pg_catalog.decode($1::text, 'hex')

-- name: still
-- May the person still do what this session began with?  $1: as an operator.
SELECT l.rolcanlogin AND pg_catalog.pg_has_role(l.oid, CASE WHEN $1::boolean THEN 'handback_operator' ELSE 'handback_finance' END, 'MEMBER') AS may
FROM pg_catalog.pg_roles l WHERE l.rolname = session_user

-- name: partners
-- Those that send files, and those that are sent points.
SELECT p.code FROM handback.partner p UNION SELECT t.partner FROM points.partner_now t ORDER BY 1

-- name: categories
SELECT c::text FROM unnest(enum_range(NULL::ledger.category)) c

-- name: reasons
SELECT r.reason FROM handback.hold_reason r ORDER BY r.reason

-- name: bounds
-- A page that takes longer is none: nobody waits for it. To compile a page's statements takes longer than to run them, and sums of all open
-- holds are sorted in memory.
SELECT pg_catalog.set_config('statement_timeout', '25s', false), pg_catalog.set_config('jit', 'off', false),
	pg_catalog.set_config('work_mem', '16MB', false)

-- name: views
-- What the person keeps of the holds' list.
SELECT s.name, s.query FROM handback.saved_view s WHERE s.person = session_user ORDER BY s.name

-- name: view_save
-- $1 name, $2 query.
SELECT handback.save_view($1::text, $2::text)

-- name: view_drop
SELECT handback.drop_view($1::text)

-- name: assign_many
-- Gives holds to somebody. $1 holds, $2 to whom.
SELECT count(handback.assign_hold(h, $2::text, NULL)) AS many FROM unnest($1::bigint[]) h
