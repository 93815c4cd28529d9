-- Reading back: a target is asked each night for what it was told. What it lost or changed is counted and told again.

SET LOCAL ROLE handback_owner;

ALTER TABLE handback.delivery ADD members bigint[] NOT NULL DEFAULT '{}', ADD member_versions bigint[] NOT NULL DEFAULT '{}',
	ADD CONSTRAINT members_as_told CHECK (cardinality(member_versions) = cardinality(members));
COMMENT ON COLUMN handback.delivery.members IS 'Of which members it told the balance, with the version of each in member_versions';

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
	INSERT INTO handback.delivery (delivery_id, target, version, to_xid, to_outgoing, to_place, objects, redemptions, lines, members, member_versions,
		versions, states)
	SELECT made, t.name, t.version, at.xid, at.outgoing, at.place, cardinality(redemptions) + cardinality(members) + cardinality(logged), redemptions, ids,
		members, (SELECT coalesce(array_agg((b.object ->> 'version')::bigint ORDER BY b.n), '{}') FROM unnest(balances) WITH ORDINALITY b (object, n)),
		coalesce(array_agg((u.object ->> 'version')::bigint ORDER BY u.n), '{}'), coalesce(array_agg(u.object ->> 'state' ORDER BY u.n), '{}')
	FROM unnest(told) WITH ORDINALITY u (object, n);
	IF cardinality(redemptions) + cardinality(members) + cardinality(logged) = 0 THEN
		INSERT INTO handback.delivery_end (delivery_id, result) VALUES (made, 'done');
	END IF;
END
$$;

-- A read-back: each delivery behind from_delivery, up to to_delivery, has its objects asked for, and compared.
CREATE TABLE handback.parity (
	parity_id     bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
	target        text   NOT NULL,
	from_delivery bigint NOT NULL,
	to_delivery   bigint NOT NULL,
	started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
	started_by    text   NOT NULL DEFAULT session_user
);
CREATE INDEX parity_by_target ON handback.parity (target, parity_id);
CALL handback_schema.make_append_only('handback.parity');
COMMENT ON TABLE handback.parity IS 'Each time that a target is asked for what it was told; append-only';

CREATE TABLE handback.parity_read (
	parity_id   bigint   NOT NULL REFERENCES handback.parity,
	delivery_id bigint   NOT NULL,
	attempt     integer  NOT NULL CHECK (attempt > 0),
	result      text     NOT NULL CHECK (result IN ('read', 'again', 'failed')),
	objects     integer  NOT NULL CHECK (objects >= 0),
	missing     integer  NOT NULL CHECK (missing >= 0),
	differing   integer  NOT NULL CHECK (differing >= 0),
	unread      integer  NOT NULL CHECK (unread >= 0),
	http_status integer  CHECK (http_status BETWEEN 100 AND 599),
	why         text     CHECK (length(why) <= 400),
	retry_at    timestamptz,
	ended_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (parity_id, delivery_id, attempt),
	CHECK ((result = 'again') = (retry_at IS NOT NULL)),
	CHECK (missing + differing + unread <= objects)
);
CALL handback_schema.make_append_only('handback.parity_read');
COMMENT ON TABLE handback.parity_read IS 'What the target has of each delivery that was read back; append-only';
COMMENT ON COLUMN handback.parity_read.objects IS 'How many were asked for: those that were taken, and did not change since';
COMMENT ON COLUMN handback.parity_read.unread IS 'For how many the target could not be asked';

CREATE TABLE handback.parity_difference (
	parity_id   bigint  NOT NULL REFERENCES handback.parity,
	target      text    NOT NULL,
	delivery_id bigint  NOT NULL,
	kind        text    NOT NULL CHECK (kind IN ('redemption', 'balance', 'log')),
	key         text    NOT NULL CHECK (key <> ''),
	subject     bigint  NOT NULL,
	difference  text    NOT NULL CHECK (length(difference) BETWEEN 1 AND 400),
	resent      boolean NOT NULL,
	PRIMARY KEY (target, kind, subject, key, parity_id, delivery_id)
);
CREATE INDEX parity_difference_by_run ON handback.parity_difference (parity_id);
CALL handback_schema.make_append_only('handback.parity_difference');
COMMENT ON TABLE handback.parity_difference IS 'What a target had lost, or has otherwise than it was told; append-only';
COMMENT ON COLUMN handback.parity_difference.difference IS 'missing; differs: where; or why it could not be asked for';
COMMENT ON COLUMN handback.parity_difference.resent IS 'It is told again. Not what differs again after that: a person has to see to it';

CREATE TABLE handback.parity_end (
	parity_id bigint PRIMARY KEY REFERENCES handback.parity,
	result    text   NOT NULL CHECK (result IN ('done', 'failed', 'skipped')),
	why       text   CHECK (length(why) <= 400),
	ended_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CALL handback_schema.make_append_only('handback.parity_end');
COMMENT ON TABLE handback.parity_end IS 'How each read-back ended; append-only. skipped: the connector does not say how';

CREATE VIEW handback.parity_status AS
	SELECT p.target, p.parity_id, p.started_at, p.started_by, e.ended_at, coalesce(e.result, 'running') AS result,
		coalesce(e.why, r.why) AS why, r.objects, r.missing, r.differing, r.unread, d.resent, d.open
	FROM handback.parity p
	LEFT JOIN handback.parity_end e ON e.parity_id = p.parity_id
	CROSS JOIN LATERAL (SELECT coalesce(sum(n.objects), 0) AS objects, coalesce(sum(n.missing), 0) AS missing,
		coalesce(sum(n.differing), 0) AS differing, coalesce(sum(n.unread), 0) AS unread,
		(array_agg(n.why ORDER BY n.delivery_id DESC, n.attempt DESC) FILTER (WHERE n.why IS NOT NULL))[1] AS why
		FROM handback.parity_read n WHERE n.parity_id = p.parity_id) r
	CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE n.resent) AS resent, count(*) FILTER (WHERE NOT n.resent) AS open
		FROM handback.parity_difference n WHERE n.parity_id = p.parity_id) d;
COMMENT ON VIEW handback.parity_status IS 'Each read-back: what was asked for, what the target had lost or changed, what was told again and what a person has to see to';

-- From what was read back last, or (since) from the first delivery since then.  One that is under way is gone on with.
CREATE FUNCTION handback.begin_parity(target text, since timestamptz DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	made bigint;
BEGIN
	PERFORM FROM handback.target f WHERE f.name = target AND f.version = 1 FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no target %', target USING ERRCODE = 'no_data_found';
	END IF;
	SELECT p.parity_id INTO made FROM handback.parity p WHERE p.target = begin_parity.target
		AND NOT EXISTS (SELECT FROM handback.parity_end e WHERE e.parity_id = p.parity_id);
	IF made IS NOT NULL THEN
		RETURN made;
	END IF;
	INSERT INTO handback.parity (target, from_delivery, to_delivery)
	SELECT target, coalesce(CASE WHEN since IS NULL
			THEN (SELECT max(p.to_delivery) FROM handback.parity p JOIN handback.parity_end e ON e.parity_id = p.parity_id
				WHERE p.target = begin_parity.target AND e.result = 'done')
			ELSE (SELECT max(d.delivery_id) FROM handback.delivery d WHERE d.target = begin_parity.target AND d.started_at < since) END, 0),
		coalesce((SELECT max(d.delivery_id) FROM handback.delivery d JOIN handback.delivery_end e ON e.delivery_id = d.delivery_id
			WHERE d.target = begin_parity.target), 0)
	RETURNING parity_id INTO made;
	RETURN made;
END
$$;
COMMENT ON FUNCTION handback.begin_parity(text, timestamptz) IS 'Has a target asked for what it was told, and what it lost told again';

CREATE FUNCTION handback.begin_parities() RETURNS bigint
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT count(handback.begin_parity(t.name)) FROM handback.target_now t WHERE t.state = 'active'
$$;
COMMENT ON FUNCTION handback.begin_parities() IS 'The same for each target that is told; gives how many those are';

-- What a target has to have of one delivery: not what it did not take, or took by a later one, nor what has changed since,
-- which is told by another delivery.
CREATE FUNCTION handback.told_in(d handback.delivery, kinds text[])
	RETURNS TABLE (kind text, key text, subject bigint, object jsonb)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT x.kind, x.key, x.subject, x.object
	FROM (SELECT 'redemption' AS kind, o ->> 'reference' AS key, u.subject, o AS object
			FROM unnest(d.redemptions, d.versions) u (subject, version) CROSS JOIN LATERAL handback.redemption_object(u.subject) o
			WHERE (o ->> 'version')::bigint = u.version AND 'redemption' = ANY (kinds)
		UNION ALL
		SELECT 'balance', o ->> 'member', u.subject, o
			FROM unnest(d.members, d.member_versions) u (subject, version) CROSS JOIN LATERAL handback.balance_object(u.subject) o
			WHERE (o ->> 'version')::bigint = u.version AND 'balance' = ANY (kinds)
		UNION ALL
		SELECT 'log', l, r.redemption_id, handback.log_object(r.redemption_id, substr(l, 38))
			FROM unnest(d.lines) l JOIN ledger.redemption r ON r.external_reference = left(l, 36)::uuid
			WHERE 'log' = ANY (kinds)) x
	WHERE NOT EXISTS (SELECT FROM handback.delivery_object_now w WHERE w.target = d.target AND w.kind = x.kind
		AND w.subject = x.subject AND (w.kind <> 'log' OR w.key = x.key) AND w.result <> 'sent')
		AND NOT EXISTS (SELECT FROM handback.delivery_object w WHERE w.target = d.target AND w.kind = x.kind
			AND w.subject = x.subject AND w.key = x.key AND w.delivery_id = d.delivery_id AND w.result <> 'sent')
$$;
COMMENT ON FUNCTION handback.told_in(handback.delivery, text[]) IS 'What a target has to have of a delivery';

-- The next delivery to read back.  No row: nothing is asked now.  kinds: those that the target can be asked for.
CREATE FUNCTION handback.claim_read(target text, kinds text[])
	RETURNS TABLE (delivery bigint, kind text, key text, subject bigint, object jsonb)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	run handback.parity;
	last handback.parity_read;
	d handback.delivery;
	began constant timestamptz := clock_timestamp();
BEGIN
	SELECT p.* INTO run FROM handback.parity p WHERE p.target = claim_read.target
		AND NOT EXISTS (SELECT FROM handback.parity_end e WHERE e.parity_id = p.parity_id);
	IF NOT FOUND OR NOT EXISTS (SELECT FROM handback.target_now n WHERE n.name = run.target AND n.state = 'active')
			OR NOT pg_try_advisory_lock(hashtextextended('handback.target ' || run.target, 0)) THEN
		RETURN;
	ELSIF cardinality(kinds) = 0 THEN
		INSERT INTO handback.parity_end (parity_id, result) VALUES (run.parity_id, 'skipped');
		RETURN;
	END IF;
	SELECT r.* INTO last FROM handback.parity_read r WHERE r.parity_id = run.parity_id ORDER BY r.delivery_id DESC, r.attempt DESC LIMIT 1;
	IF last.retry_at > clock_timestamp() THEN
		RETURN;
	END IF;
	WHILE clock_timestamp() < began + interval '0.5 seconds' LOOP
		SELECT w.* INTO d FROM handback.delivery w JOIN handback.delivery_end e ON e.delivery_id = w.delivery_id
		WHERE w.target = run.target AND w.delivery_id <= run.to_delivery AND w.objects > 0 AND e.result IN ('done', 'stopped')
			AND w.delivery_id > greatest(run.from_delivery, CASE WHEN last.result = 'read' THEN last.delivery_id ELSE last.delivery_id - 1 END)
		ORDER BY w.delivery_id LIMIT 1;
		IF NOT FOUND THEN
			INSERT INTO handback.parity_end (parity_id, result) VALUES (run.parity_id, 'done');
			RETURN;
		END IF;
		RETURN QUERY SELECT d.delivery_id, o.kind, o.key, o.subject, o.object FROM handback.told_in(d, kinds) o ORDER BY o.kind, o.subject, o.key;
		IF FOUND THEN
			RETURN;
		END IF;
		INSERT INTO handback.parity_read (parity_id, delivery_id, attempt, result, objects, missing, differing, unread)
		SELECT run.parity_id, d.delivery_id, 1 + count(*), 'read', 0, 0, 0, 0 FROM handback.parity_read r
		WHERE r.parity_id = run.parity_id AND r.delivery_id = d.delivery_id RETURNING * INTO last;
	END LOOP;
END
$$;
COMMENT ON FUNCTION handback.claim_read(text, text[]) IS 'What a target is to be asked for next';

-- What it has.  As of end_delivery: sent is as it was told, held says why not; of others nobody knows, and the delivery is read
-- again.  What is missing or differs is told again, once: what differs again the next time stays for a person.
CREATE FUNCTION handback.end_read(delivery bigint, result text, http_status integer, why text, wait_s integer,
		kinds text[], keys text[], subjects bigint[], results text[], statuses integer[], whys text[]) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	run handback.parity;
	whole constant boolean := result = 'done' AND NOT ('later' = ANY (results) OR 'unsent' = ANY (results));
	tries bigint;
	at record;
	made bigint;
	rows bigint;
BEGIN
	SELECT p.* INTO run FROM handback.delivery d JOIN handback.parity p ON p.target = d.target
	WHERE d.delivery_id = delivery AND delivery > p.from_delivery AND delivery <= p.to_delivery
		AND NOT EXISTS (SELECT FROM handback.parity_end e WHERE e.parity_id = p.parity_id);
	SELECT count(*) INTO tries FROM handback.parity_read r WHERE r.parity_id = run.parity_id AND r.delivery_id = delivery;
	IF run.parity_id IS NULL OR result NOT IN ('done', 'again', 'stopped') OR EXISTS (SELECT FROM handback.parity_read r
			WHERE r.parity_id = run.parity_id AND (r.delivery_id > delivery OR r.delivery_id = delivery AND r.result = 'read')) THEN
		RAISE EXCEPTION 'delivery % is not read back, or cannot end so: %', delivery, result
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	INSERT INTO handback.parity_read (parity_id, delivery_id, attempt, result, objects, missing, differing, unread, http_status, why, retry_at)
	SELECT run.parity_id, delivery, tries + 1, x.how, CASE WHEN whole THEN coalesce(cardinality(results), 0) ELSE 0 END,
		count(*) FILTER (WHERE whole AND w.why = 'missing'), count(*) FILTER (WHERE whole AND w.why LIKE 'differs: %'),
		count(*) FILTER (WHERE whole AND w.result = 'held' AND coalesce(w.why, '') !~ '^(missing$|differs: )'), http_status, left(why, 400),
		CASE x.how WHEN 'again' THEN clock_timestamp()
			+ greatest(make_interval(secs => least(wait_s, 86400)), handback.retry_after(tries + 1)) END
	FROM (SELECT CASE WHEN whole THEN 'read' WHEN result = 'stopped' OR tries >= 7 THEN 'failed' ELSE 'again' END AS how) x
	LEFT JOIN unnest(results, whys) w (result, why) ON true
	GROUP BY x.how;
	IF result = 'stopped' OR NOT whole AND tries >= 7 THEN
		INSERT INTO handback.parity_end (parity_id, result, why) VALUES (run.parity_id, 'failed', left(coalesce(why, 'it does not answer'), 400));
	END IF;
	IF NOT whole THEN
		RETURN;
	END IF;
	INSERT INTO handback.parity_difference (parity_id, target, delivery_id, kind, key, subject, difference, resent)
	SELECT run.parity_id, run.target, delivery, r.kind, r.key, r.subject, left(coalesce(nullif(r.why, ''), 'it could not be asked for'), 400),
		r.why ~ '^(missing$|differs: )' IS TRUE AND NOT EXISTS (SELECT FROM handback.parity_difference o
			WHERE o.target = run.target AND o.kind = r.kind AND o.subject = r.subject AND o.key = r.key AND o.parity_id = (
				SELECT max(p.parity_id) FROM handback.parity p WHERE p.target = run.target AND p.parity_id < run.parity_id))
	FROM unnest(kinds, keys, subjects, results, whys) r (kind, key, subject, result, why)
	WHERE r.result = 'held';
	SELECT count(*) INTO rows FROM handback.parity_difference f WHERE f.parity_id = run.parity_id AND f.delivery_id = delivery AND f.resent;
	IF rows = 0 THEN
		RETURN;
	END IF;
	SELECT * INTO at FROM handback.delivered_to(run.target);
	INSERT INTO handback.delivery (target, version, to_xid, to_outgoing, to_place, objects)
	SELECT run.target, n.version, at.xid, at.outgoing, at.place, 0 FROM handback.target_now n WHERE n.name = run.target
	RETURNING delivery_id INTO made;
	INSERT INTO handback.delivery_end (delivery_id, result) VALUES (made, 'done');
	INSERT INTO handback.delivery_object (delivery_id, target, kind, key, subject, result, tries, why, retry_at)
	SELECT made, f.target, f.kind, f.key, f.subject, 'later', 0, left('read back: ' || f.difference, 400), clock_timestamp()
	FROM handback.parity_difference f WHERE f.parity_id = run.parity_id AND f.delivery_id = delivery AND f.resent;
	PERFORM audit.append_event('target_replayed', 'target ' || run.target, NULL, format('%s objects that it had lost or changed', rows));
END
$$;
COMMENT ON FUNCTION handback.end_read(bigint, text, integer, text, integer, text[], text[], bigint[], text[], integer[], text[]) IS
	'What a target has of a delivery; what it lost or changed is told again';

REVOKE ALL ON FUNCTION handback.begin_parity(text, timestamptz), handback.begin_parities(), handback.told_in(handback.delivery, text[]),
	handback.claim_read(text, text[]),
	handback.end_read(bigint, text, integer, text, integer, text[], text[], bigint[], text[], integer[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.claim_read(text, text[]),
	handback.end_read(bigint, text, integer, text, integer, text[], text[], bigint[], text[], integer[], text[]) TO handback_outbox;
GRANT EXECUTE ON FUNCTION handback.begin_parity(text, timestamptz) TO handback_operator;
GRANT EXECUTE ON FUNCTION handback.begin_parities() TO handback_nightly;
GRANT SELECT ON handback.parity, handback.parity_read, handback.parity_difference, handback.parity_end, handback.parity_status
	TO handback_operator, handback_finance, handback_nightly, handback_verify;
