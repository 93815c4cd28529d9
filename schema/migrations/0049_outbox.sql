-- What was sent where, results of each object, and what waits: for handback-outbox and for whoever asks.

SET LOCAL ROLE handback_owner;

ALTER TABLE handback.delivery ADD redemptions bigint[] NOT NULL DEFAULT '{}', ADD versions bigint[] NOT NULL DEFAULT '{}',
	ADD states text[] NOT NULL DEFAULT '{}',
	ADD CONSTRAINT redemptions_as_told CHECK (cardinality(versions) = cardinality(redemptions) AND cardinality(states) = cardinality(redemptions));
CREATE INDEX delivery_of_redemption ON handback.delivery USING gin (redemptions);
COMMENT ON COLUMN handback.delivery.redemptions IS 'Which redemptions it told of, with the version and the state of each in versions and states';
ALTER TABLE handback.delivery_end DROP CONSTRAINT delivery_end_check;
ALTER TABLE handback.delivery_end ADD CONSTRAINT wait_after_again CHECK (result = 'done' OR (result = 'again') = (retry_at IS NOT NULL));
COMMENT ON COLUMN handback.delivery_end.retry_at IS 'The target is told nothing before';
ALTER TABLE handback.delivery_object DROP CONSTRAINT delivery_object_tries_check;
ALTER TABLE handback.delivery_object ADD CHECK (tries >= 0);
COMMENT ON COLUMN handback.delivery_object.tries IS 'How often it was sent and not taken; 0: it was not sent yet, or a person has it sent again';

-- The redemptions that an event is about, in an order: those of its outcomes, and of the holds that it opened again, which
-- have their old outcome.
CREATE FUNCTION handback.event_redemptions(head bigint) RETURNS TABLE (place bigint, redemption_id bigint)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT row_number() OVER (ORDER BY w.file_id, w.record_no, w.revision), w.redemption_id
	FROM audit.event e
	CROSS JOIN LATERAL (
		SELECT v.file_id, v.record_no, v.revision, v.redemption_id FROM handback.outcome v
		WHERE v.event_id = e.event_id AND v.revision > 0
		UNION ALL
		SELECT h.file_id, coalesce(h.record_no, 0), h.revision, h.redemption_id FROM (
			SELECT n.file_id, n.record_no, 0 AS revision, n.redemption_id
			FROM handback.proposal_end x
			JOIN handback.proposal p ON p.proposal_id = x.proposal_id AND p.decision = 'reopen'
			JOIN handback.proposal_hold b ON b.proposal_id = x.proposal_id
			JOIN handback.hold_now n ON n.hold_id = b.hold_id
			WHERE x.event_id = e.event_id AND x.how = 'approved' AND n.redemption_id IS NOT NULL) h) w
	WHERE e.head_no = head
$$;
COMMENT ON FUNCTION handback.event_redemptions(bigint) IS 'Which redemptions an event decides, or has waiting again, in an order; its head';

-- The redemptions, or members (kind balance), that a row of the outbox is about, from a place in it on: at most so many, and
-- the place behind them, NULL when that was the last.
CREATE OR REPLACE FUNCTION handback.told_by(o handback.outgoing, of_programme integer, place bigint, most bigint,
		OUT redemptions bigint[], OUT members bigint[], OUT next bigint)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	head audit.head;
	last bigint;
	seen bigint;
BEGIN
	IF o.first_entry IS NOT NULL THEN
		next := o.first_entry + place + most;
		-- an answer is about what it answers in the end: of a debit, its reversal, that one's reinstatement, and so on
		SELECT array_agg(coalesce(c.answers_entry_id, b.answers_entry_id, e.answers_entry_id, e.entry_id))
				FILTER (WHERE e.category <> 'Credit By Accrual'), array_agg(e.member_id)
		INTO redemptions, members
		FROM ledger.entry e
		LEFT JOIN ledger.entry b ON b.entry_id = e.answers_entry_id
		LEFT JOIN ledger.entry c ON c.entry_id = b.answers_entry_id
		WHERE e.entry_id >= o.first_entry + place AND e.entry_id < next AND e.entry_id <= o.last_entry AND e.programme_id = of_programme;
		next := CASE WHEN next <= o.last_entry THEN place + most END;
		RETURN;
	ELSIF o.head_no IS NULL THEN
		RETURN;
	END IF;
	SELECT * INTO head FROM audit.head h WHERE h.head_no = o.head_no;
	IF head.file_id IS NOT NULL THEN
		SELECT f.records INTO last FROM handback.file f WHERE f.file_id = head.file_id;
		SELECT array_agg(d.redemption_id), array_agg(d.member_id) INTO redemptions, members
		FROM handback.outcome w JOIN ledger.redemption d ON d.redemption_id = w.redemption_id
		WHERE w.file_id = head.file_id AND w.record_no > place AND w.record_no <= place + most AND w.revision = 0
			AND d.programme_id = of_programme;
		next := CASE WHEN place + most < last THEN place + most END;
	ELSE
		SELECT count(*), array_agg(d.redemption_id) FILTER (WHERE d.programme_id = of_programme),
			array_agg(d.member_id) FILTER (WHERE d.programme_id = of_programme)
		INTO seen, redemptions, members
		FROM (SELECT w.redemption_id FROM handback.event_redemptions(o.head_no) w (n, redemption_id) ORDER BY w.n OFFSET place LIMIT most) w
		LEFT JOIN ledger.redemption d ON d.redemption_id = w.redemption_id;
		next := CASE WHEN seen = most THEN place + most END;
	END IF;
END
$$;
COMMENT ON FUNCTION handback.told_by(handback.outgoing, integer, bigint, bigint) IS 'What a row of the outbox is about, piece by piece';

-- The next delivery of a target: what waits for another try and what is new, each object once, in its newest state.  No row:
-- there is nothing to tell now.  One program at a time: the session that claims first keeps the target until it ends.
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
	redemptions bigint[] := '{}';
	members bigint[] := '{}';
	passed integer := 0;
	mixed boolean;
	told jsonb[];
	balances jsonb[];
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
		coalesce(array_agg(n.subject) FILTER (WHERE n.kind = 'balance'), '{}')
	INTO redemptions, members
	FROM (SELECT w.kind, w.subject FROM handback.delivery_object_now w
		WHERE w.target = t.name AND w.result = 'later' AND w.retry_at <= clock_timestamp() AND w.kind = ANY (kinds)
		ORDER BY w.retry_at LIMIT most) n;
	FOR o IN SELECT r.* FROM handback.outgoing_ready r WHERE (r.xid, r.outgoing_id) >= (at.xid, at.outgoing)
			ORDER BY r.xid, r.outgoing_id LIMIT 5000 LOOP
		CONTINUE WHEN (o.xid, o.outgoing_id) = (at.xid, at.outgoing) AND at.place IS NULL;
		EXIT WHEN cardinality(redemptions) >= most OR cardinality(members) >= most;
		SELECT * INTO piece FROM handback.told_by(o, t.programme_id,
			CASE WHEN (o.xid, o.outgoing_id) = (at.xid, at.outgoing) THEN at.place ELSE 0 END,
			most - greatest(cardinality(redemptions), cardinality(members)));
		IF 'redemption' = ANY (kinds) THEN
			redemptions := redemptions || coalesce(piece.redemptions, '{}');
		END IF;
		IF 'balance' = ANY (kinds) THEN
			members := members || coalesce(piece.members, '{}');
		END IF;
		SELECT o.xid AS xid, o.outgoing_id AS outgoing, piece.next AS place INTO at;
		passed := passed + 1;
		EXIT WHEN piece.next IS NOT NULL;
	END LOOP;
	-- what tells nothing is passed over now and then: a row for each would be as many as there are causes
	IF cardinality(redemptions) = 0 AND cardinality(members) = 0
			AND (passed = 0 OR passed < 200 AND last.ended_at > clock_timestamp() - interval '1 minute') THEN
		RETURN;
	END IF;

	made := nextval('handback.delivery_delivery_id_seq');
	-- after one that failed in another order: an object over which the target fails does not always come first
	mixed := last.result IN ('again', 'lost');
	SELECT coalesce(array_agg(r.subject ORDER BY CASE WHEN mixed THEN hashint8(r.subject # made) END, r.subject), '{}'),
		coalesce(array_agg(r.object ORDER BY CASE WHEN mixed THEN hashint8(r.subject # made) END, r.subject), '{}')
	INTO redemptions, told
	FROM (SELECT s.subject, handback.redemption_object(s.subject) AS object
		FROM (SELECT DISTINCT unnest(redemptions) AS subject) s) r
	WHERE r.object IS NOT NULL;
	SELECT coalesce(array_agg(b.subject ORDER BY CASE WHEN mixed THEN hashint8(b.subject # made) END, b.subject), '{}'),
		coalesce(array_agg(b.object ORDER BY CASE WHEN mixed THEN hashint8(b.subject # made) END, b.subject), '{}')
	INTO members, balances
	FROM (SELECT s.subject, handback.balance_object(s.subject) AS object
		FROM (SELECT DISTINCT unnest(members) AS subject) s) b
	WHERE b.object IS NOT NULL;
	RETURN QUERY
		SELECT made, 'redemption', u.object ->> 'reference', u.subject, u.object FROM unnest(redemptions, told) u (subject, object)
		UNION ALL
		SELECT made, 'balance', u.object ->> 'member', u.subject, u.object FROM unnest(members, balances) u (subject, object);
	INSERT INTO handback.delivery (delivery_id, target, version, to_xid, to_outgoing, to_place, objects, redemptions, versions, states)
	SELECT made, t.name, t.version, at.xid, at.outgoing, at.place, cardinality(redemptions) + cardinality(members), redemptions,
		coalesce(array_agg((u.object ->> 'version')::bigint ORDER BY u.n), '{}'), coalesce(array_agg(u.object ->> 'state' ORDER BY u.n), '{}')
	FROM unnest(told) WITH ORDINALITY u (object, n);
	IF cardinality(redemptions) + cardinality(members) = 0 THEN
		INSERT INTO handback.delivery_end (delivery_id, result) VALUES (made, 'done');
	END IF;
END
$$;
COMMENT ON FUNCTION handback.claim_delivery(text, text[], integer) IS
	'What a target is to be told next, each object once, in its newest state; written down before it is sent';

-- How it went.  result: done, again or stopped.  Of a delivery that is done each object was taken, but those that subjects
-- names, with results later, held, or unsent: to be sent later, and not tried yet; sent says that one was taken.  A target is
-- told nothing for wait_s; after again, where that is NULL, for longer each time.
CREATE OR REPLACE FUNCTION handback.end_delivery(delivery bigint, result text, http_status integer, why text, wait_s integer,
		kinds text[], keys text[], subjects bigint[], results text[], statuses integer[], whys text[]) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	most_tries constant integer := 12;
	t text;
	tries bigint;
BEGIN
	SELECT d.target INTO t FROM handback.delivery d WHERE d.delivery_id = delivery
		AND NOT EXISTS (SELECT FROM handback.delivery newer WHERE newer.target = d.target AND newer.delivery_id > d.delivery_id);
	IF t IS NULL OR result NOT IN ('done', 'again', 'stopped') THEN
		RAISE EXCEPTION 'delivery % is not the last of its target, or cannot end so: %', delivery, result
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	SELECT count(*) INTO tries FROM handback.delivery d JOIN handback.delivery_end e ON e.delivery_id = d.delivery_id
	WHERE d.target = t AND e.result = 'again' AND d.delivery_id > coalesce((SELECT max(f.delivery_id) FROM handback.delivery f
		JOIN handback.delivery_end g ON g.delivery_id = f.delivery_id WHERE f.target = t AND g.result = 'done'), 0);
	INSERT INTO handback.delivery_end (delivery_id, result, http_status, why, retry_at)
	VALUES (delivery, result, http_status, left(why, 400), CASE
		WHEN result = 'again' AND wait_s IS NULL THEN clock_timestamp() + handback.retry_after(tries + 1)
		WHEN result <> 'stopped' AND wait_s IS NOT NULL THEN clock_timestamp() + make_interval(secs => least(wait_s, 86400)) END);
	IF result = 'done' THEN
		INSERT INTO handback.delivery_object (delivery_id, target, kind, key, subject, result, tries, http_status, why, retry_at)
		SELECT delivery, t, r.kind, r.key, r.subject, x.result, x.tries, r.status, left(r.why, 400),
			CASE WHEN r.result = 'unsent' THEN clock_timestamp()
				WHEN x.result = 'later' THEN clock_timestamp() + handback.retry_after(x.tries) END
		FROM unnest(kinds, keys, subjects, results, statuses, whys) r (kind, key, subject, result, status, why)
		LEFT JOIN handback.delivery_object_now before ON before.target = t AND before.kind = r.kind AND before.subject = r.subject
			AND before.result <> 'sent'
		CROSS JOIN LATERAL (SELECT coalesce(before.tries, 0) + (r.result <> 'unsent')::integer AS tries) n
		CROSS JOIN LATERAL (SELECT n.tries, CASE WHEN r.result = 'later' AND n.tries >= most_tries THEN 'held'
			WHEN r.result = 'unsent' THEN 'later' ELSE r.result END AS result) x
		WHERE x.result <> 'sent' OR before.result IS NOT NULL;
	ELSIF result = 'stopped' AND EXISTS (SELECT FROM handback.target_now n WHERE n.name = t AND n.state <> 'stopped') THEN
		PERFORM handback.stop_target(t, left(coalesce(why, 'it refuses what it is told'), 400));
	END IF;
END
$$;
COMMENT ON FUNCTION handback.end_delivery(bigint, text, integer, text, integer, text[], text[], bigint[], text[], integer[], text[]) IS
	'How a delivery went; of objects that were not taken, what becomes of them';

-- A target that cannot be told at all: its login, its connector.  A person has to see to it.
CREATE FUNCTION handback.refuse_target(target text, version integer, why text) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	IF EXISTS (SELECT FROM handback.target_now n WHERE n.name = target AND n.version = version AND n.state = 'active') THEN
		PERFORM handback.stop_target(target, left(why, 400));
	END IF;
END
$$;
COMMENT ON FUNCTION handback.refuse_target(text, integer, text) IS 'Stops a target that cannot be told as this version says';

-- Held objects are sent again, with all their tries.
CREATE FUNCTION handback.replay_held(target text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	last record;
	at record;
	made bigint;
	rows bigint;
BEGIN
	PERFORM FROM handback.target f WHERE f.name = target AND f.version = 1 FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no target %', target USING ERRCODE = 'no_data_found';
	END IF;
	SELECT d.delivery_id, d.version, e.result INTO last FROM handback.delivery d
	LEFT JOIN handback.delivery_end e ON e.delivery_id = d.delivery_id
	WHERE d.target = replay_held.target ORDER BY d.delivery_id DESC LIMIT 1;
	IF last.result IS NULL THEN
		RAISE EXCEPTION 'delivery % of target % is under way', last.delivery_id, target
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Pause the target, and wait for its end.';
	END IF;
	SELECT * INTO at FROM handback.delivered_to(target);
	INSERT INTO handback.delivery (target, version, to_xid, to_outgoing, to_place, objects)
	VALUES (target, last.version, at.xid, at.outgoing, at.place, 0) RETURNING delivery_id INTO made;
	INSERT INTO handback.delivery_end (delivery_id, result) VALUES (made, 'done');
	INSERT INTO handback.delivery_object (delivery_id, target, kind, key, subject, result, tries, retry_at)
	SELECT made, w.target, w.kind, w.key, w.subject, 'later', 0, clock_timestamp()
	FROM handback.delivery_object_now w WHERE w.target = replay_held.target AND w.result = 'held';
	GET DIAGNOSTICS rows = ROW_COUNT;
	PERFORM audit.append_event('target_replayed', 'target ' || target, NULL, format('%s held objects', rows));
	RETURN rows;
END
$$;
COMMENT ON FUNCTION handback.replay_held(text) IS 'Has what a target refused sent to it again; gives how many objects that is';

-- Does a row of the outbox tell a programme's targets anything?
CREATE FUNCTION handback.tells(o handback.outgoing, of_programme integer) RETURNS boolean
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN o.first_entry IS NOT NULL THEN EXISTS (SELECT FROM ledger.entry e
			WHERE e.entry_id BETWEEN o.first_entry AND o.last_entry AND e.programme_id = of_programme)
		WHEN o.head_no IS NOT NULL THEN EXISTS (SELECT FROM audit.head h
				JOIN handback.outcome w ON w.file_id = h.file_id AND w.revision = 0
				JOIN ledger.redemption d ON d.redemption_id = w.redemption_id
				WHERE h.head_no = o.head_no AND d.programme_id = of_programme)
			OR EXISTS (SELECT FROM handback.event_redemptions(o.head_no) w
				JOIN ledger.redemption d ON d.redemption_id = w.redemption_id WHERE d.programme_id = of_programme)
		ELSE false END
$$;
COMMENT ON FUNCTION handback.tells(handback.outgoing, integer) IS 'Does a row of the outbox tell a programme''s targets anything?';

CREATE FUNCTION handback.waiting_since(target text) RETURNS timestamptz
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT o.made_at
	FROM handback.target_now t
	CROSS JOIN handback.delivered_to(t.name) at
	JOIN handback.outgoing o ON (o.xid, o.outgoing_id) > (at.xid, CASE WHEN at.place IS NULL THEN at.outgoing ELSE at.outgoing - 1 END)
	WHERE t.name = waiting_since.target AND handback.tells(o, t.programme_id)
	ORDER BY o.xid, o.outgoing_id LIMIT 1
$$;
COMMENT ON FUNCTION handback.waiting_since(text) IS 'When the oldest of what a target was not told yet was recorded; NULL: it was told all';

CREATE OR REPLACE VIEW handback.target_status AS
	SELECT t.name, p.programme, t.state, t.reason, t.version, n.delivery_id, n.ended_at, n.result, n.http_status, n.why, n.retry_at,
		(SELECT count(*) FROM handback.delivery_object_now w WHERE w.target = t.name AND w.result = 'later') AS later,
		(SELECT count(*) FROM handback.delivery_object_now w WHERE w.target = t.name AND w.result = 'held') AS held,
		handback.waiting_since(t.name) AS waiting_since
	FROM handback.target_now t
	LEFT JOIN (SELECT DISTINCT c.programme_id, c.code AS programme FROM ledger.programme c) p ON p.programme_id = t.programme_id
	LEFT JOIN LATERAL (SELECT d.delivery_id, e.ended_at, e.result, e.http_status, e.why, e.retry_at FROM handback.delivery d
		LEFT JOIN handback.delivery_end e ON e.delivery_id = d.delivery_id
		WHERE d.target = t.name ORDER BY d.delivery_id DESC LIMIT 1) n ON true;

REVOKE ALL ON FUNCTION handback.replay_held(text), handback.refuse_target(text, integer, text), handback.event_redemptions(bigint),
	handback.tells(handback.outgoing, integer), handback.waiting_since(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.refuse_target(text, integer, text) TO handback_outbox;
GRANT EXECUTE ON FUNCTION handback.replay_held(text) TO handback_operator;
GRANT EXECUTE ON FUNCTION handback.waiting_since(text) TO handback_operator, handback_finance, handback_collector;
GRANT SELECT (name, programme, state, result, retry_at, later, held, waiting_since) ON handback.target_status TO handback_collector;
