-- A target that lags is never carried over what it was not told. A long cause that tells it nothing is passed over within
-- seconds, objects that it refuses stay held when it is stopped by them, and whoever fails or takes a part is asked again
-- after a wait that grows. A delivery of a program that is gone does not refuse a replay.

SET LOCAL ROLE handback_owner;

COMMENT ON COLUMN handback.delivery_end.result IS
	'done: each object has its own result. again: the target did not take it now. stopped: nor will it, but what is held stays held. lost: nobody knows, it is sent again';

CREATE OR REPLACE FUNCTION handback.delivered_to(target text, OUT xid xid8, OUT outgoing bigint, OUT place bigint)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT d.to_xid, d.to_outgoing, d.to_place FROM handback.delivery d JOIN handback.delivery_end e ON e.delivery_id = d.delivery_id
	WHERE d.target = delivered_to.target AND (e.result = 'done' OR e.result = 'stopped' AND EXISTS (
		SELECT FROM handback.delivery_object w WHERE w.target = d.target AND w.delivery_id = d.delivery_id))
	ORDER BY d.delivery_id DESC LIMIT 1
$$;
COMMENT ON FUNCTION handback.delivered_to(text) IS 'How far a target was told';

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
	passed integer := 0;
	began constant timestamptz := clock_timestamp();
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
		place := CASE WHEN (o.xid, o.outgoing_id) = (at.xid, at.outgoing) THEN at.place ELSE 0 END;
		LOOP
			SELECT * INTO piece FROM handback.told_by(o, t.programme_id, place,
				most - greatest(cardinality(redemptions), cardinality(members)));
			IF 'redemption' = ANY (kinds) THEN
				redemptions := redemptions || coalesce(piece.redemptions, '{}');
			END IF;
			IF 'balance' = ANY (kinds) THEN
				members := members || coalesce(piece.members, '{}');
			END IF;
			place := piece.next;
			passed := passed + 1;
			-- a long one that tells nothing holds up nobody: pieces of it are passed over until one tells something
			EXIT WHEN place IS NULL OR cardinality(redemptions) > 0 OR cardinality(members) > 0
				OR clock_timestamp() > began + interval '0.5 seconds';
		END LOOP;
		SELECT o.xid AS xid, o.outgoing_id AS outgoing, place AS place INTO at;
		EXIT WHEN place IS NOT NULL;
	END LOOP;
	-- what tells nothing is passed over now and then: a row for each would be as many as there are causes
	IF cardinality(redemptions) = 0 AND cardinality(members) = 0
			AND (passed = 0 OR at.place IS NULL AND passed < 200 AND last.ended_at > clock_timestamp() - interval '1 minute') THEN
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

CREATE OR REPLACE FUNCTION handback.end_delivery(delivery bigint, result text, http_status integer, why text, wait_s integer,
		kinds text[], keys text[], subjects bigint[], results text[], statuses integer[], whys text[]) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	most_tries constant integer := 12;
	kept constant boolean := result = 'done' OR result = 'stopped' AND 'held' = ANY (results);
	t text;
	tries bigint;
BEGIN
	SELECT d.target INTO t FROM handback.delivery d WHERE d.delivery_id = delivery
		AND NOT EXISTS (SELECT FROM handback.delivery newer WHERE newer.target = d.target AND newer.delivery_id > d.delivery_id);
	IF t IS NULL OR result NOT IN ('done', 'again', 'stopped') THEN
		RAISE EXCEPTION 'delivery % is not the last of its target, or cannot end so: %', delivery, result
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	-- those since the last one after which it had not to wait
	SELECT count(*) INTO tries FROM handback.delivery d JOIN handback.delivery_end e ON e.delivery_id = d.delivery_id
	WHERE d.target = t AND e.retry_at IS NOT NULL AND d.delivery_id > coalesce((SELECT max(f.delivery_id) FROM handback.delivery f
		JOIN handback.delivery_end g ON g.delivery_id = f.delivery_id
		WHERE f.target = t AND g.result = 'done' AND g.retry_at IS NULL), 0);
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
		LEFT JOIN handback.delivery_object_now before ON before.target = t AND before.kind = r.kind AND before.subject = r.subject
			AND before.result <> 'sent'
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

CREATE FUNCTION handback.settle_target(target text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	last record;
BEGIN
	-- a claim waits for us, and we for a claim
	PERFORM FROM handback.target f WHERE f.name = target AND f.version = 1 FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no target %', target USING ERRCODE = 'no_data_found';
	END IF;
	SELECT d.delivery_id, e.result INTO last FROM handback.delivery d
	LEFT JOIN handback.delivery_end e ON e.delivery_id = d.delivery_id
	WHERE d.target = settle_target.target ORDER BY d.delivery_id DESC LIMIT 1;
	IF last.result IS NULL THEN
		IF NOT pg_try_advisory_xact_lock(hashtextextended('handback.target ' || target, 0)) THEN
			RAISE EXCEPTION 'delivery % of target % is under way', last.delivery_id, target
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Pause the target, and wait for its end.';
		END IF;
		INSERT INTO handback.delivery_end (delivery_id, result) VALUES (last.delivery_id, 'lost');
	END IF;
END
$$;
COMMENT ON FUNCTION handback.settle_target(text) IS 'Refuses where a delivery of a target is under way; notes one as lost that nobody sends any more';

CREATE OR REPLACE FUNCTION handback.replay_target(target text, since timestamptz) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	first record;
	at record;
	behind boolean;
	rows bigint;
BEGIN
	PERFORM handback.settle_target(target);
	-- the last place before it; rows of another server, before a restore, have no place in this one's order
	SELECT o.xid, o.outgoing_id - 1 AS outgoing INTO first FROM handback.outgoing o
	WHERE o.made_at >= since AND o.xid < pg_snapshot_xmax(pg_current_snapshot()) ORDER BY o.xid, o.outgoing_id LIMIT 1;
	IF NOT FOUND THEN
		SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xid, 0::bigint AS outgoing INTO first;
	END IF;
	SELECT d.xid, d.outgoing - (d.place IS NOT NULL)::integer AS outgoing INTO at FROM handback.delivered_to(target) d;
	behind := at.xid <= pg_snapshot_xmax(pg_current_snapshot()) AND (at.xid, at.outgoing) < (first.xid, first.outgoing);
	IF behind THEN
		first := at;
	ELSE
		PERFORM handback.begin_target(target, first.xid, first.outgoing);
	END IF;
	SELECT count(*) INTO rows FROM handback.outgoing o
	WHERE (o.xid, o.outgoing_id) > (first.xid, first.outgoing) AND o.xid < pg_snapshot_xmax(pg_current_snapshot());
	PERFORM audit.append_event('target_replayed', 'target ' || target, NULL, format('since %s, %s causes%s', since, rows,
		CASE WHEN behind THEN ', from where it was: it is not told so far yet' END));
	RETURN rows;
END
$$;
COMMENT ON FUNCTION handback.replay_target(text, timestamptz) IS
	'Tells a target again what was recorded since then, and all that it was not told yet; gives how many causes that is';

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
	FROM handback.delivery_object_now w WHERE w.target = replay_held.target AND w.result = 'held';
	GET DIAGNOSTICS rows = ROW_COUNT;
	PERFORM audit.append_event('target_replayed', 'target ' || target, NULL, format('%s held objects', rows));
	RETURN rows;
END
$$;
COMMENT ON FUNCTION handback.replay_held(text) IS 'Has what a target refused sent to it again; gives how many objects that is';

REVOKE ALL ON FUNCTION handback.settle_target(text) FROM PUBLIC;
