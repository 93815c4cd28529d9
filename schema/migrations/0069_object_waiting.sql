-- A claim costs what waits, and not what ever waited; objects are made of all redemptions of a delivery in one statement. The
-- nightly run sees how targets stand.

SET LOCAL ROLE handback_owner;

-- What of it waits or is held now, so that a claim costs what waits and not what ever waited. Kept by keep_waiting alone.
CREATE TABLE handback.object_waiting (
	target      text        NOT NULL,
	kind        text        NOT NULL,
	subject     bigint      NOT NULL,
	line        text        NOT NULL,
	key         text        NOT NULL,
	delivery_id bigint      NOT NULL,
	result      text        NOT NULL CHECK (result IN ('later', 'held')),
	tries       integer     NOT NULL,
	retry_at    timestamptz,
	since       timestamptz NOT NULL,
	PRIMARY KEY (target, kind, subject, line),
	FOREIGN KEY (target, kind, subject, key, delivery_id) REFERENCES handback.delivery_object (target, kind, subject, key, delivery_id),
	CHECK ((result = 'later') = (retry_at IS NOT NULL))
);
CREATE INDEX object_due ON handback.object_waiting (target, retry_at) WHERE result = 'later';
CREATE INDEX object_of_delivery ON handback.delivery_object (delivery_id);
COMMENT ON TABLE handback.object_waiting IS 'Objects that a target has not taken: the newest row of handback.delivery_object of each that is later or held';
COMMENT ON COLUMN handback.object_waiting.line IS 'Of a line of the log its id, of which a redemption has several; of others nothing: they have one newest state';
COMMENT ON COLUMN handback.object_waiting.since IS 'Since when it is held, or waits';

CREATE FUNCTION handback.keep_waiting() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	WITH newest AS (
		SELECT DISTINCT ON (a.target, a.kind, a.subject, n.line) a.*, n.line FROM added a
		CROSS JOIN LATERAL (SELECT CASE WHEN a.kind = 'log' THEN a.key ELSE '' END AS line) n
		ORDER BY a.target, a.kind, a.subject, n.line, a.delivery_id DESC
	), taken AS (
		DELETE FROM handback.object_waiting w USING newest a
		WHERE a.result = 'sent' AND w.target = a.target AND w.kind = a.kind AND w.subject = a.subject AND w.line = a.line
	)
	INSERT INTO handback.object_waiting AS w (target, kind, subject, line, key, delivery_id, result, tries, retry_at, since)
	SELECT a.target, a.kind, a.subject, a.line, a.key, a.delivery_id, a.result, a.tries, a.retry_at, clock_timestamp() FROM newest a
	WHERE a.result <> 'sent'
	ON CONFLICT (target, kind, subject, line) DO UPDATE SET key = EXCLUDED.key, delivery_id = EXCLUDED.delivery_id, result = EXCLUDED.result,
		tries = EXCLUDED.tries, retry_at = EXCLUDED.retry_at, since = CASE WHEN w.result = EXCLUDED.result THEN w.since ELSE EXCLUDED.since END;
	RETURN NULL;
END
$$;
CREATE TRIGGER keep_waiting AFTER INSERT ON handback.delivery_object REFERENCING NEW TABLE AS added
	FOR EACH STATEMENT EXECUTE FUNCTION handback.keep_waiting();
COMMENT ON FUNCTION handback.keep_waiting() IS 'Trigger: what came of an object last is what waits of it';
REVOKE ALL ON FUNCTION handback.keep_waiting() FROM PUBLIC;

INSERT INTO handback.object_waiting (target, kind, subject, line, key, delivery_id, result, tries, retry_at, since)
SELECT n.target, n.kind, n.subject, CASE WHEN n.kind = 'log' THEN n.key ELSE '' END, n.key, n.delivery_id, n.result, n.tries, n.retry_at, coalesce(e.ended_at, clock_timestamp())
FROM handback.delivery_object_now n LEFT JOIN handback.delivery_end e USING (delivery_id) WHERE n.result <> 'sent';

CREATE FUNCTION handback.redemption_objects(redemptions bigint[]) RETURNS TABLE (subject bigint, object jsonb)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
	SELECT d.redemption_id, jsonb_build_object(
		'reference', d.external_reference, 'programme', d.programme, 'member', d.member, 'points', d.points, 'amount', d.amount,
		'currency', d.currency, 'merchant', d.merchant, 'type', d.transaction_type, 'partner', d.partner,
		'outbound_reference', d.outbound_reference, 'redeemed_at', d.redeemed_at,
		'state', CASE WHEN h.reason IS NOT NULL THEN 'held'
			WHEN r.reinstatement_id IS NOT NULL AND r.credit_id IS NULL THEN 'reinstated'
			WHEN r.reversal_id IS NOT NULL THEN 'reversed'
			WHEN a.confirmed THEN 'confirmed' ELSE 'open' END,
		'held_for', h.reason, 'reasons', o.reasons, 'decided_at', o.decided_at, 'reversed_at', r.posted_at,
		'reversed_by', CASE r.origin WHEN 'api' THEN 'application' ELSE r.origin END,
		'reversal_reference', upper(r.external_reference::text),
		-- as handback.redemption_version
		'version', 1 + a.answers + b.others + w.holds + w.ends + num_nonnulls(r.reversal_id, r.reinstatement_id, r.credit_id))
	FROM unnest(redemptions) wanted (redemption_id)
	JOIN ledger.redemption d ON d.redemption_id = wanted.redemption_id
	LEFT JOIN ledger.reversal r ON r.redemption_id = d.redemption_id
	-- each of the partial indexes of handback.outcome has its part
	CROSS JOIN LATERAL (SELECT count(*) AS answers, coalesce(bool_or(o.outcome = :OUTCOME_CONFIRMED), false) AS confirmed FROM handback.outcome o
		WHERE o.redemption_id = d.redemption_id AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)) a
	CROSS JOIN LATERAL (SELECT count(*) AS others FROM handback.outcome o
		WHERE o.redemption_id = d.redemption_id AND o.outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)) b
	CROSS JOIN LATERAL (SELECT count(*) AS holds, count(e.hold_id) AS ends FROM handback.hold n
		LEFT JOIN handback.hold_end e ON e.hold_id = n.hold_id WHERE n.redemption_id = d.redemption_id) w
	LEFT JOIN LATERAL (
		SELECT o.reasons, o.decided_at FROM handback.outcome o
		WHERE o.redemption_id = d.redemption_id AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
		UNION ALL
		SELECT o.reasons, o.decided_at FROM handback.outcome o WHERE o.redemption_id = d.redemption_id AND o.outcome = ANY (ARRAY[:OUTCOME_CREDITED])
		ORDER BY decided_at DESC LIMIT 1) o ON true
	LEFT JOIN LATERAL (SELECT o.hold_reason AS reason FROM handback.outcome o JOIN handback.hold n USING (file_id, record_no)
		WHERE o.redemption_id = d.redemption_id AND o.outcome = :OUTCOME_HELD
			AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = n.hold_id)
		ORDER BY n.opened_at DESC LIMIT 1) h ON true
$$;
COMMENT ON FUNCTION handback.redemption_objects(bigint[]) IS 'What targets may be told of redemptions: their newest states, with their versions';

CREATE OR REPLACE FUNCTION handback.redemption_object(redemption bigint) RETURNS jsonb
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT o.object FROM handback.redemption_objects(ARRAY[redemption]) o
$$;
COMMENT ON FUNCTION handback.redemption_object(bigint) IS 'What targets may be told of a redemption: its newest state, with its version';

CREATE FUNCTION handback.balance_objects(members bigint[]) RETURNS TABLE (subject bigint, object jsonb)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
	SELECT m.member_id, jsonb_build_object('member', m.relation_reference, 'programme', p.code, 'points', b.points, 'version', e.entries,
		'as_of_entry', e.last, 'as_of', e.at)
	FROM unnest(members) wanted (member_id)
	JOIN ledger.member m ON m.member_id = wanted.member_id
	JOIN ledger.programme p ON p.programme_id = m.programme_id
	JOIN ledger.balance b ON b.member_id = m.member_id
	CROSS JOIN LATERAL (SELECT count(*) AS entries, max(e.entry_id) AS last, max(e.posted_at) AS at
		FROM ledger.entry e WHERE e.member_id = m.member_id) e
$$;
COMMENT ON FUNCTION handback.balance_objects(bigint[]) IS 'What targets may be told of members: the balances, and as of which entry';

CREATE OR REPLACE FUNCTION handback.balance_object(member bigint) RETURNS jsonb
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT o.object FROM handback.balance_objects(ARRAY[member]) o
$$;
COMMENT ON FUNCTION handback.balance_object(bigint) IS 'What targets may be told of a member: the balance, and as of which entry';

CREATE FUNCTION handback.log_objects(redemptions bigint[], lines text[]) RETURNS TABLE (subject bigint, object jsonb)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
	SELECT d.redemption_id, jsonb_build_object('id', d.external_reference || '-' || w.line, 'line', split_part(w.line, '-', 1), 'version', 1,
		'reference', d.external_reference, 'programme', d.programme, 'member', d.member, 'partner', d.partner, 'points', d.points,
		'effect', CASE split_part(w.line, '-', 1) WHEN 'debit' THEN -1 WHEN 'reinstatement' THEN -1 WHEN 'reversal' THEN 1
			WHEN 'credit' THEN 1 ELSE 0 END * d.points,
		'entry', x.entry, 'entry_reference', upper(x.entry_reference::text), 'logged_at', x.at, 'outcome', x.outcome,
		'reasons', x.reasons, 'event', x.event, 'decided_by', x.who)
	FROM unnest(redemptions, lines) w (redemption_id, line)
	JOIN ledger.redemption d ON d.redemption_id = w.redemption_id
	CROSS JOIN LATERAL (
		SELECT e.entry_id AS entry, e.external_reference AS entry_reference, e.posted_at AS at, n.name AS outcome, o.reasons,
			NULL::text AS event, NULL::text AS who
		FROM ledger.reversal r
		JOIN ledger.entry e ON e.entry_id = CASE w.line WHEN 'reversal' THEN r.reversal_id WHEN 'reinstatement' THEN r.reinstatement_id
			WHEN 'credit' THEN r.credit_id END
		-- each of the partial indexes of handback.outcome has its part
		LEFT JOIN LATERAL (
			SELECT o.outcome, o.reasons FROM handback.outcome o
			WHERE o.redemption_id = d.redemption_id AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
				AND handback.line_of(o.outcome) = w.line
			UNION ALL
			SELECT o.outcome, o.reasons FROM handback.outcome o
			WHERE o.redemption_id = d.redemption_id AND o.outcome = ANY (ARRAY[:OUTCOME_CREDITED]) AND w.line = 'credit') o ON true
		LEFT JOIN handback.outcome_name n ON n.outcome = o.outcome
		WHERE r.redemption_id = d.redemption_id
		UNION ALL
		SELECT d.redemption_id, d.external_reference, d.redeemed_at, NULL, NULL, NULL, NULL WHERE w.line = 'debit'
		UNION ALL
		SELECT NULL, NULL, o.decided_at, n.name, o.reasons, NULL, NULL
		FROM handback.outcome o JOIN handback.outcome_name n ON n.outcome = o.outcome
		WHERE o.redemption_id = d.redemption_id AND o.outcome = :OUTCOME_CONFIRMED AND w.line = 'confirmation'
		UNION ALL
		SELECT NULL, NULL, e.at, (SELECT n.name FROM handback.outcome o JOIN handback.outcome_name n ON n.outcome = o.outcome
				WHERE o.event_id = e.event_id AND o.revision > 0 AND o.redemption_id = d.redemption_id
				ORDER BY o.file_id DESC, o.record_no DESC, o.revision DESC LIMIT 1), NULL, e.what, e.who
		FROM audit.event e
		WHERE e.event_id = CASE WHEN w.line ~ '^decision-[0-9]{1,18}$' THEN substr(w.line, 10)::bigint END) x
$$;
COMMENT ON FUNCTION handback.log_objects(bigint[], text[]) IS
	'What targets may be told of lines of the transaction log: debit, confirmation, reversal, reinstatement, credit, or decision-EVENT';

CREATE OR REPLACE FUNCTION handback.log_object(redemption bigint, line text) RETURNS jsonb
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT o.object FROM handback.log_objects(ARRAY[redemption], ARRAY[line]) o
$$;
COMMENT ON FUNCTION handback.log_object(bigint, text) IS
	'What targets may be told of a line of the transaction log: debit, confirmation, reversal, reinstatement, credit, or decision-EVENT';

CREATE OR REPLACE FUNCTION handback.claim_delivery(target text, kinds text[], most integer)
	RETURNS TABLE (delivery bigint, kind text, key text, subject bigint, object jsonb)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	t handback.target;
	last record;
	at record;
	o handback.outgoing;
	piece record;
	place bigint;
	redemptions bigint[] := '{}';
	members bigint[] := '{}';
	lines text[] := '{}';
	passed integer := 0;
	began constant timestamptz := clock_timestamp();
	mixed boolean;
	told jsonb[];
	balances jsonb[];
	ids text[];
	logs jsonb[];
	logged bigint[];
	made bigint;
BEGIN
	-- a replay waits for a claim, and a claim for a replay
	PERFORM FROM handback.target f WHERE f.name = claim_delivery.target AND f.version = 1 FOR NO KEY UPDATE;
	SELECT n.* INTO t FROM handback.target_now n WHERE n.name = claim_delivery.target AND n.state = 'active';
	IF NOT FOUND OR most NOT BETWEEN 1 AND 10000
			OR NOT pg_try_advisory_lock(hashtextextended('handback.target ' || claim_delivery.target, 0)) THEN
		RETURN;
	END IF;
	SELECT d.delivery_id, e.result, e.retry_at, e.ended_at INTO last
	FROM handback.delivery d LEFT JOIN handback.delivery_end e ON e.delivery_id = d.delivery_id
	WHERE d.target = t.name ORDER BY d.delivery_id DESC LIMIT 1;
	IF last.result IS NULL THEN -- whoever sent it is gone
		INSERT INTO handback.delivery_end (delivery_id, result) VALUES (last.delivery_id, 'lost');
	ELSIF last.retry_at > clock_timestamp() THEN
		RETURN;
	END IF;
	SELECT * INTO at FROM handback.delivered_to(t.name);
	IF at.xid > pg_snapshot_xmax(pg_current_snapshot()) THEN
		PERFORM handback.stop_target(t.name, 'the database was restored into another server: replay it');
		RETURN;
	END IF;

	SELECT coalesce(array_agg(n.subject) FILTER (WHERE n.kind = 'redemption'), '{}'),
		coalesce(array_agg(n.subject) FILTER (WHERE n.kind = 'balance'), '{}'),
		-- behind the reference stands which line it is
		coalesce(array_agg(n.subject || '/' || substr(n.key, 38)) FILTER (WHERE n.kind = 'log'), '{}')
	INTO redemptions, members, lines
	FROM (SELECT w.kind, w.subject, w.key FROM handback.object_waiting w
		WHERE w.target = t.name AND w.result = 'later' AND w.retry_at <= began AND w.kind = ANY (kinds)
		ORDER BY w.retry_at LIMIT most) n;
	FOR o IN SELECT r.* FROM handback.outgoing_ready r WHERE (r.xid, r.outgoing_id) >= (at.xid, at.outgoing)
			ORDER BY r.xid, r.outgoing_id LIMIT 5000 LOOP
		CONTINUE WHEN (o.xid, o.outgoing_id) = (at.xid, at.outgoing) AND at.place IS NULL;
		EXIT WHEN greatest(cardinality(redemptions), cardinality(members), cardinality(lines)) >= most;
		place := CASE WHEN (o.xid, o.outgoing_id) = (at.xid, at.outgoing) THEN at.place ELSE 0 END;
		LOOP
			SELECT * INTO piece FROM handback.told_by(o, t.programme_id, place,
				most - greatest(cardinality(redemptions), cardinality(members), cardinality(lines)));
			IF 'redemption' = ANY (kinds) THEN
				redemptions := redemptions || coalesce(piece.redemptions, '{}');
			END IF;
			IF 'balance' = ANY (kinds) THEN
				members := members || coalesce(piece.members, '{}');
			END IF;
			IF 'log' = ANY (kinds) THEN
				lines := lines || coalesce(piece.lines, '{}');
			END IF;
			place := piece.next;
			passed := passed + 1;
			-- a long one that tells nothing holds up nobody: pieces of it are passed over until one tells something
			EXIT WHEN place IS NULL OR cardinality(redemptions) + cardinality(members) + cardinality(lines) > 0
				OR clock_timestamp() > began + interval '0.5 seconds';
		END LOOP;
		SELECT o.xid AS xid, o.outgoing_id AS outgoing, place AS place INTO at;
		EXIT WHEN place IS NOT NULL;
	END LOOP;
	-- what tells nothing is passed over now and then: a row for each would be as many as there are causes
	IF cardinality(redemptions) + cardinality(members) + cardinality(lines) = 0
			AND (passed = 0 OR at.place IS NULL AND passed < 200 AND last.ended_at > clock_timestamp() - interval '1 minute') THEN
		RETURN;
	END IF;

	made := nextval('handback.delivery_delivery_id_seq');
	-- after one that failed in another order: an object over which the target fails does not always come first
	mixed := last.result IN ('again', 'lost');
	SELECT coalesce(array_agg(r.subject ORDER BY CASE WHEN mixed THEN hashint8(r.subject # made) END, r.subject), '{}'),
		coalesce(array_agg(r.object ORDER BY CASE WHEN mixed THEN hashint8(r.subject # made) END, r.subject), '{}')
	INTO redemptions, told
	FROM handback.redemption_objects(ARRAY(SELECT DISTINCT unnest(redemptions))) r;
	SELECT coalesce(array_agg(b.subject ORDER BY CASE WHEN mixed THEN hashint8(b.subject # made) END, b.subject), '{}'),
		coalesce(array_agg(b.object ORDER BY CASE WHEN mixed THEN hashint8(b.subject # made) END, b.subject), '{}')
	INTO members, balances
	FROM handback.balance_objects(ARRAY(SELECT DISTINCT unnest(members))) b;
	SELECT coalesce(array_agg(l.subject ORDER BY CASE WHEN mixed THEN hashtext(l.object ->> 'id' || made) END, l.subject, l.object ->> 'id'), '{}'),
		coalesce(array_agg(l.object ORDER BY CASE WHEN mixed THEN hashtext(l.object ->> 'id' || made) END, l.subject, l.object ->> 'id'), '{}')
	INTO logged, logs
	FROM (SELECT array_agg(s.subject) AS subjects, array_agg(s.line) AS lines
		FROM (SELECT DISTINCT split_part(x, '/', 1)::bigint AS subject, split_part(x, '/', 2) AS line FROM unnest(lines) x) s) each
	CROSS JOIN LATERAL handback.log_objects(each.subjects, each.lines) l;
	SELECT coalesce(array_agg(x ->> 'id'), '{}') INTO ids FROM unnest(logs) x;
	RETURN QUERY
		SELECT made, 'redemption', u.object ->> 'reference', u.subject, u.object FROM unnest(redemptions, told) u (subject, object)
		UNION ALL
		SELECT made, 'balance', u.object ->> 'member', u.subject, u.object FROM unnest(members, balances) u (subject, object)
		UNION ALL
		SELECT made, 'log', u.object ->> 'id', u.subject, u.object FROM unnest(logged, logs) u (subject, object);
	INSERT INTO handback.delivery (delivery_id, target, version, to_xid, to_outgoing, to_place, objects, redemptions, lines, versions, states)
	SELECT made, t.name, t.version, at.xid, at.outgoing, at.place, cardinality(redemptions) + cardinality(members) + cardinality(logged), redemptions, ids,
		coalesce(array_agg((u.object ->> 'version')::bigint ORDER BY u.n), '{}'), coalesce(array_agg(u.object ->> 'state' ORDER BY u.n), '{}')
	FROM unnest(told) WITH ORDINALITY u (object, n);
	IF cardinality(redemptions) + cardinality(members) + cardinality(logged) = 0 THEN
		INSERT INTO handback.delivery_end (delivery_id, result) VALUES (made, 'done');
	END IF;
END
$$;
COMMENT ON FUNCTION handback.claim_delivery(text, text[], integer) IS
	'What a target is to be told next, each object once, in its newest state; written down before it is sent';

CREATE OR REPLACE FUNCTION handback.end_delivery(delivery bigint, result text, http_status integer, why text, wait_s integer,
		kinds text[], keys text[], subjects bigint[], results text[], statuses integer[], whys text[]) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	most_tries constant integer := 12;
	kept constant boolean := result = 'done' OR result = 'stopped' AND 'held' = ANY (results);
	t text;
	tries bigint := 0;
	past record;
BEGIN
	SELECT d.target INTO t FROM handback.delivery d WHERE d.delivery_id = delivery
		AND NOT EXISTS (SELECT FROM handback.delivery newer WHERE newer.target = d.target AND newer.delivery_id > d.delivery_id);
	IF t IS NULL OR result NOT IN ('done', 'again', 'stopped') THEN
		RAISE EXCEPTION 'delivery % is not the last of its target, or cannot end so: %', delivery, result
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	-- those since the last one after which it had not to wait, from the newest on: how many there were before costs nothing
	FOR past IN SELECT e.result, e.retry_at FROM handback.delivery d
			CROSS JOIN LATERAL (SELECT g.result, g.retry_at FROM handback.delivery_end g WHERE g.delivery_id = d.delivery_id OFFSET 0) e
			WHERE d.target = t ORDER BY d.delivery_id DESC LIMIT 100 LOOP
		EXIT WHEN past.result = 'done' AND past.retry_at IS NULL;
		tries := tries + (past.retry_at IS NOT NULL)::integer;
	END LOOP;
	INSERT INTO handback.delivery_end (delivery_id, result, http_status, why, retry_at)
	VALUES (delivery, result, http_status, left(why, 400), CASE
		-- a target that asks for a second each time is not asked each second for ever
		WHEN result = 'again' THEN clock_timestamp()
			+ least(greatest(make_interval(secs => wait_s), handback.retry_after(tries + 1)), interval '1 day')
		WHEN result = 'done' AND wait_s IS NOT NULL THEN clock_timestamp() + make_interval(secs => least(wait_s, 86400))
		-- it takes some and fails at some
		WHEN result = 'done' AND 'unsent' = ANY (results) THEN clock_timestamp() + handback.retry_after(least(tries + 2, 7)) END);
	IF kept THEN
		INSERT INTO handback.delivery_object (delivery_id, target, kind, key, subject, result, tries, http_status, why, retry_at)
		SELECT delivery, t, r.kind, r.key, r.subject, x.result, x.tries, r.status, left(r.why, 400),
			CASE WHEN u.untried THEN clock_timestamp()
				WHEN x.result = 'later' THEN clock_timestamp() + handback.retry_after(x.tries) END
		FROM unnest(kinds, keys, subjects, results, statuses, whys) r (kind, key, subject, result, status, why)
		LEFT JOIN handback.object_waiting before ON before.target = t AND before.kind = r.kind AND before.subject = r.subject
			AND before.line = CASE WHEN r.kind = 'log' THEN r.key ELSE '' END
		CROSS JOIN LATERAL (SELECT r.result = 'unsent' OR r.result = 'later' AND end_delivery.result = 'stopped' AS untried) u
		CROSS JOIN LATERAL (SELECT coalesce(before.tries, 0) + (NOT u.untried)::integer AS tries) n
		CROSS JOIN LATERAL (SELECT n.tries, CASE WHEN u.untried THEN 'later'
			WHEN r.result = 'later' AND n.tries >= most_tries THEN 'held' ELSE r.result END AS result) x
		WHERE x.result <> 'sent' OR before.result IS NOT NULL;
	END IF;
	IF result = 'stopped' AND EXISTS (SELECT FROM handback.target_now n WHERE n.name = t AND n.state <> 'stopped') THEN
		PERFORM handback.stop_target(t, left(coalesce(why, 'it refuses what it is told'), 400));
	END IF;
END
$$;
COMMENT ON FUNCTION handback.end_delivery(bigint, text, integer, text, integer, text[], text[], bigint[], text[], integer[], text[]) IS
	'How a delivery went; of objects that were not taken, what becomes of them';

CREATE OR REPLACE FUNCTION handback.replay_held(target text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	at record;
	made bigint;
	rows bigint;
BEGIN
	PERFORM handback.settle_target(target);
	SELECT * INTO at FROM handback.delivered_to(target);
	INSERT INTO handback.delivery (target, version, to_xid, to_outgoing, to_place, objects)
	SELECT target, n.version, at.xid, at.outgoing, at.place, 0 FROM handback.target_now n WHERE n.name = target
	RETURNING delivery_id INTO made;
	INSERT INTO handback.delivery_end (delivery_id, result) VALUES (made, 'done');
	INSERT INTO handback.delivery_object (delivery_id, target, kind, key, subject, result, tries, retry_at)
	SELECT made, w.target, w.kind, w.key, w.subject, 'later', 0, clock_timestamp()
	FROM handback.object_waiting n JOIN handback.delivery_object w USING (target, kind, subject, key, delivery_id)
	WHERE n.target = replay_held.target AND n.result = 'held';
	GET DIAGNOSTICS rows = ROW_COUNT;
	PERFORM audit.append_event('target_replayed', 'target ' || target, NULL, format('%s held objects', rows));
	RETURN rows;
END
$$;
COMMENT ON FUNCTION handback.replay_held(text) IS 'Has what a target refused sent to it again; gives how many objects that is';

CREATE OR REPLACE VIEW handback.target_status AS
	SELECT t.name, p.programme, t.state, t.reason, t.version, n.delivery_id, n.ended_at, n.result, n.http_status, n.why, n.retry_at,
		(SELECT count(*) FROM handback.object_waiting w WHERE w.target = t.name AND w.result = 'later') AS later,
		(SELECT count(*) FROM handback.object_waiting w WHERE w.target = t.name AND w.result = 'held') AS held,
		handback.waiting_since(t.name) AS waiting_since
	FROM handback.target_now t
	LEFT JOIN (SELECT DISTINCT c.programme_id, c.code AS programme FROM ledger.programme c) p ON p.programme_id = t.programme_id
	LEFT JOIN LATERAL (SELECT d.delivery_id, e.ended_at, e.result, e.http_status, e.why, e.retry_at FROM handback.delivery d
		LEFT JOIN handback.delivery_end e ON e.delivery_id = d.delivery_id
		WHERE d.target = t.name ORDER BY d.delivery_id DESC LIMIT 1) n ON true;

REVOKE ALL ON FUNCTION handback.redemption_objects(bigint[]), handback.balance_objects(bigint[]), handback.log_objects(bigint[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.waiting_since(text) TO handback_nightly;
GRANT SELECT (name, programme, state, reason, version, later, held, waiting_since) ON handback.target_status TO handback_nightly;
GRANT SELECT ON handback.object_waiting TO handback_operator, handback_finance;
GRANT SELECT ON handback.object_waiting TO handback_nightly, handback_verify;
