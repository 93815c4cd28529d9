-- The transaction log is told, too: each debit, confirmation, reversal, reinstatement, credit and decision, a line for each,
-- once and for ever, where of a redemption's status only the newest is told.

SET LOCAL ROLE handback_owner;

ALTER TABLE handback.delivery ADD lines text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN handback.delivery.lines IS 'Which lines of the transaction log it told, by their ids';

ALTER TABLE handback.delivery_object DROP CONSTRAINT delivery_object_kind_check;
ALTER TABLE handback.delivery_object ADD CHECK (kind IN ('redemption', 'balance', 'log'));
ALTER TABLE handback.delivery_object DROP CONSTRAINT delivery_object_pkey;
ALTER TABLE handback.delivery_object ADD PRIMARY KEY (target, kind, subject, key, delivery_id);
COMMENT ON COLUMN handback.delivery_object.subject IS 'The redemption (of a line of the log, too) or the member: its number in the ledger';

CREATE OR REPLACE VIEW handback.delivery_object_now AS
	SELECT DISTINCT ON (target, kind, subject, CASE WHEN kind = 'log' THEN key END) * FROM handback.delivery_object
	ORDER BY target, kind, subject, CASE WHEN kind = 'log' THEN key END, delivery_id DESC;

CREATE FUNCTION handback.line_of(outcome smallint) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE outcome WHEN :OUTCOME_CONFIRMED THEN 'confirmation' WHEN :OUTCOME_REVERSED THEN 'reversal'
		WHEN :OUTCOME_REINSTATED THEN 'reinstatement' WHEN :OUTCOME_CREDITED THEN 'credit' END
$$;
COMMENT ON FUNCTION handback.line_of(smallint) IS 'The line of the transaction log that an outcome is; NULL: it is none';

CREATE FUNCTION handback.log_object(redemption bigint, line text) RETURNS jsonb
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
	SELECT jsonb_build_object('id', d.external_reference || '-' || line, 'line', split_part(line, '-', 1), 'version', 1,
		'reference', d.external_reference, 'programme', d.programme, 'member', d.member, 'partner', d.partner, 'points', d.points,
		'effect', CASE split_part(line, '-', 1) WHEN 'debit' THEN -1 WHEN 'reinstatement' THEN -1 WHEN 'reversal' THEN 1
			WHEN 'credit' THEN 1 ELSE 0 END * d.points,
		'entry', x.entry, 'entry_reference', upper(x.entry_reference::text), 'logged_at', x.at, 'outcome', x.outcome,
		'reasons', x.reasons, 'event', x.event, 'decided_by', x.who)
	FROM ledger.redemption d
	CROSS JOIN LATERAL (
		SELECT e.entry_id AS entry, e.external_reference AS entry_reference, e.posted_at AS at, n.name AS outcome, o.reasons,
			NULL::text AS event, NULL::text AS who
		FROM ledger.reversal r
		JOIN ledger.entry e ON e.entry_id = CASE line WHEN 'reversal' THEN r.reversal_id WHEN 'reinstatement' THEN r.reinstatement_id
			WHEN 'credit' THEN r.credit_id END
		LEFT JOIN handback.outcome o ON o.redemption_id = redemption AND handback.line_of(o.outcome) = line
			AND o.outcome IN (:OUTCOME_REVERSED, :OUTCOME_REINSTATED, :OUTCOME_CREDITED)
		LEFT JOIN handback.outcome_name n ON n.outcome = o.outcome
		WHERE r.redemption_id = redemption
		UNION ALL
		SELECT d.redemption_id, d.external_reference, d.redeemed_at, NULL, NULL, NULL, NULL WHERE line = 'debit'
		UNION ALL
		SELECT NULL, NULL, o.decided_at, n.name, o.reasons, NULL, NULL
		FROM handback.outcome o JOIN handback.outcome_name n ON n.outcome = o.outcome
		WHERE o.redemption_id = redemption AND o.outcome = :OUTCOME_CONFIRMED AND line = 'confirmation'
		UNION ALL
		SELECT NULL, NULL, e.at, (SELECT n.name FROM handback.outcome o JOIN handback.outcome_name n ON n.outcome = o.outcome
				WHERE o.event_id = e.event_id AND o.revision > 0 AND o.redemption_id = redemption
				ORDER BY o.file_id DESC, o.record_no DESC, o.revision DESC LIMIT 1), NULL, e.what, e.who
		FROM audit.event e
		WHERE e.event_id = CASE WHEN line ~ '^decision-[0-9]{1,18}$' THEN substr(line, 10)::bigint END) x
	WHERE d.redemption_id = redemption
$$;
COMMENT ON FUNCTION handback.log_object(bigint, text) IS
	'What targets may be told of a line of the transaction log: debit, confirmation, reversal, reinstatement, credit, or decision-EVENT';

DROP FUNCTION handback.told_by(handback.outgoing, integer, bigint, bigint);
CREATE FUNCTION handback.told_by(o handback.outgoing, of_programme integer, place bigint, most bigint,
		OUT redemptions bigint[], OUT members bigint[], OUT lines text[], OUT next bigint)
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
				FILTER (WHERE e.category <> 'Credit By Accrual'), array_agg(e.member_id),
			array_agg(coalesce(c.answers_entry_id, b.answers_entry_id, e.answers_entry_id, e.entry_id) || '/' || CASE e.category
					WHEN 'Redemption Reversal' THEN 'reversal' WHEN 'Redemption Reinstatement' THEN 'reinstatement'
					WHEN 'Credit By Correction' THEN 'credit' ELSE 'debit' END)
				FILTER (WHERE e.category <> 'Credit By Accrual')
		INTO redemptions, members, lines
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
		SELECT array_agg(d.redemption_id), array_agg(d.member_id),
			array_agg(d.redemption_id || '/' || handback.line_of(w.outcome)) FILTER (WHERE handback.line_of(w.outcome) IS NOT NULL)
		INTO redemptions, members, lines
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
		SELECT array_agg(x.line) INTO lines
		FROM audit.event e
		CROSS JOIN LATERAL (SELECT r || '/decision-' || e.event_id AS line FROM unnest(redemptions) r
			UNION ALL
			SELECT v.redemption_id || '/' || handback.line_of(v.outcome) FROM handback.outcome v
			WHERE v.event_id = e.event_id AND v.revision > 0 AND v.redemption_id = ANY (redemptions)
				AND handback.line_of(v.outcome) IS NOT NULL) x
		WHERE e.head_no = o.head_no;
		next := CASE WHEN seen = most THEN place + most END;
	END IF;
END
$$;
COMMENT ON FUNCTION handback.told_by(handback.outgoing, integer, bigint, bigint) IS 'What a row of the outbox is about, piece by piece';

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
	FROM (SELECT w.kind, w.subject, w.key FROM handback.delivery_object_now w
		WHERE w.target = t.name AND w.result = 'later' AND w.retry_at <= clock_timestamp() AND w.kind = ANY (kinds)
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
	FROM (SELECT s.subject, handback.redemption_object(s.subject) AS object
		FROM (SELECT DISTINCT unnest(redemptions) AS subject) s) r
	WHERE r.object IS NOT NULL;
	SELECT coalesce(array_agg(b.subject ORDER BY CASE WHEN mixed THEN hashint8(b.subject # made) END, b.subject), '{}'),
		coalesce(array_agg(b.object ORDER BY CASE WHEN mixed THEN hashint8(b.subject # made) END, b.subject), '{}')
	INTO members, balances
	FROM (SELECT s.subject, handback.balance_object(s.subject) AS object
		FROM (SELECT DISTINCT unnest(members) AS subject) s) b
	WHERE b.object IS NOT NULL;
	SELECT coalesce(array_agg(l.subject ORDER BY CASE WHEN mixed THEN hashtext(l.object ->> 'id' || made) END, l.subject, l.object ->> 'id'), '{}'),
		coalesce(array_agg(l.object ORDER BY CASE WHEN mixed THEN hashtext(l.object ->> 'id' || made) END, l.subject, l.object ->> 'id'), '{}')
	INTO logged, logs
	FROM (SELECT s.subject, handback.log_object(s.subject, s.line) AS object
		FROM (SELECT DISTINCT split_part(x, '/', 1)::bigint AS subject, split_part(x, '/', 2) AS line FROM unnest(lines) x) s) l
	WHERE l.object IS NOT NULL;
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
			AND (r.kind <> 'log' OR before.key = r.key) AND before.result <> 'sent'
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

REVOKE ALL ON FUNCTION handback.line_of(smallint), handback.log_object(bigint, text),
	handback.told_by(handback.outgoing, integer, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.log_object(bigint, text) TO handback_operator, handback_finance, handback_verify;
