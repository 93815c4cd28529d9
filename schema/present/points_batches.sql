-- Windows and batches of points requests: when a window closes, what goes into its batch, and the batch's control account.

-- ---- windows ----

-- By the clock of the zone, on a day that is no holiday; a time that a night leaves out is an hour later, one that it has twice is
-- the second of the two.  NULL: a calendar that has no day left.
CREATE FUNCTION points.closings(schedule text, zone text, holidays date[], days date[], first date, last date) RETURNS SETOF timestamptz
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT DISTINCT (n.day + right(schedule, 5)::time) AT TIME ZONE zone
	FROM generate_series(first, last, interval '1 day') g (day)
	CROSS JOIN LATERAL (SELECT h.day::date AS day FROM generate_series(g.day, g.day + interval '60 days', interval '1 day') h (day)
		WHERE h.day::date <> ALL (holidays) ORDER BY h.day LIMIT 1) n
	WHERE CASE split_part(schedule, ' ', 1) WHEN 'daily' THEN true
		WHEN 'weekly' THEN to_char(g.day, 'Dy') = split_part(schedule, ' ', 2)
		WHEN 'calendar' THEN g.day::date = ANY (days) ELSE false END
	ORDER BY 1
$$;
COMMENT ON FUNCTION points.closings(text, text, date[], date[], date, date) IS 'When windows of these days close';

CREATE FUNCTION points.closed_last(t points.partner_now, at timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN t.schedule = 'now' THEN at ELSE (SELECT max(c) FROM points.closings(t.schedule, t.zone, t.holidays, t.days,
		(at AT TIME ZONE t.zone)::date - CASE WHEN t.schedule LIKE 'calendar%' THEN 400 ELSE 70 END, (at AT TIME ZONE t.zone)::date) c
		WHERE c <= at) END
$$;
COMMENT ON FUNCTION points.closed_last(points.partner_now, timestamptz) IS 'When a partner''s last window closed, as of then; NULL: none has';

CREATE FUNCTION points.closes_next(t points.partner_now, at timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN t.schedule = 'now' THEN at ELSE (SELECT min(c) FROM points.closings(t.schedule, t.zone, t.holidays, t.days,
		(at AT TIME ZONE t.zone)::date - 70, (at AT TIME ZONE t.zone)::date + CASE WHEN t.schedule LIKE 'calendar%' THEN 400 ELSE 70 END) c
		WHERE c > at) END
$$;
COMMENT ON FUNCTION points.closes_next(points.partner_now, timestamptz) IS 'When a partner''s window closes that is open then; NULL: its calendar has no day';

-- Is there what closed so long ago and still waits?
CREATE FUNCTION points.goes_by_file(t points.partner_now, at timestamptz) RETURNS boolean
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT t.target IS NULL OR (t.file_after IS NOT NULL AND EXISTS (SELECT FROM points.waiting w
		JOIN points.request r ON r.request_no = w.request_no JOIN ledger.redemption d ON d.redemption_id = r.entry_id
		WHERE w.programme_id = t.programme_id AND w.partner = t.partner
			AND greatest(r.received_at, d.redeemed_at, r.not_before) < points.closed_last(t, at - make_interval(mins => t.file_after))))
$$;
COMMENT ON FUNCTION points.goes_by_file(points.partner_now, timestamptz) IS
	'Does what waits for a partner go by file? So it does without a target, or where the target could not be reached for too long';

-- ---- what was sent is only the partner's to undo ----

CREATE FUNCTION points.keep_sent() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM posted p JOIN points.request r ON r.entry_id = p.answers_entry_id
			JOIN points.sending s ON s.request_no = r.request_no
			LEFT JOIN points.sending_end e ON e.request_no = s.request_no AND e.nth = s.nth AND e.result IN ('not_sent', 'rejected')
			WHERE p.origin IS DISTINCT FROM 'handback' AND p.category = 'Redemption Reversal' AND e.request_no IS NULL) THEN
		-- as of one that is reversed already: callers know that answer
		RAISE EXCEPTION 'the partner was asked for it: only its answer gives the points back' USING ERRCODE = 'unique_violation';
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER keep_sent AFTER INSERT ON ledger.entry REFERENCING NEW TABLE AS posted FOR EACH STATEMENT EXECUTE FUNCTION points.keep_sent();
COMMENT ON FUNCTION points.keep_sent() IS 'Trigger: a request that may have reached its partner is not reversed by an application';

-- ---- batches ----

-- Who looks after a batch until it is closed.  Nobody was named: whoever proposed the partner's terms.
CREATE TABLE points.batch_owner (
	batch_no bigint  NOT NULL REFERENCES points.batch,
	nth      integer NOT NULL CHECK (nth > 0),
	owner    text    NOT NULL CHECK (owner ~ '\S' AND octet_length(owner) <= 100),
	event_id bigint  NOT NULL REFERENCES audit.event,
	PRIMARY KEY (batch_no, nth)
);
CALL handback_schema.make_append_only('points.batch_owner');
COMMENT ON TABLE points.batch_owner IS 'To whom batches were given to look after, the newest in force; append-only';

CREATE VIEW points.batch_owner_now AS
	SELECT b.batch_no, coalesce((SELECT o.owner FROM points.batch_owner o WHERE o.batch_no = b.batch_no ORDER BY o.nth DESC LIMIT 1),
		p.proposed_by) AS owner, c.code AS programme
	FROM points.batch b JOIN ledger.programme c ON c.programme_id = b.programme_id
	LEFT JOIN points.partner_now t ON t.programme_id = b.programme_id AND t.partner = b.partner
	LEFT JOIN points.proposal p ON p.proposal_id = t.proposal_id;
COMMENT ON VIEW points.batch_owner_now IS 'Who looks after each batch: the one it was given to, else the one who proposed the partner''s terms';

-- The rows of a window, once: those that are received before its cut-off and are in no batch, or certainly never left us.  What is no
-- longer eligible is refused, and given back.  NULL: there is nothing to send.
CREATE FUNCTION points.open_batch(programme integer, partner text, at timestamptz, target text DEFAULT NULL, most integer DEFAULT 1000000)
	RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	t points.partner_now;
	cut_off timestamptz;
	chosen bigint[];
	against record;
	id bigint;
	number integer;
	total bigint;
	event bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM points.waiting w WHERE w.programme_id = programme AND w.partner = open_batch.partner) THEN
		RETURN NULL;
	END IF;
	-- what is being received holds it shared until it is committed: nothing that came before the cut-off is missed
	PERFORM pg_advisory_xact_lock(hashtextextended(format('points.window %s %s', programme, partner), 0));
	SELECT * INTO t FROM points.partner_now n WHERE n.programme_id = programme AND n.partner = open_batch.partner;
	cut_off := points.closed_last(t, at);
	IF NOT t.open OR cut_off IS NULL THEN
		RETURN NULL;
	END IF;
	chosen := ARRAY(SELECT w.request_no FROM points.waiting w JOIN points.request r ON r.request_no = w.request_no
		JOIN ledger.redemption d ON d.redemption_id = r.entry_id
		WHERE w.programme_id = programme AND w.partner = open_batch.partner AND r.received_at < cut_off AND d.redeemed_at < cut_off
			AND (r.not_before IS NULL OR r.not_before <= cut_off)
			AND (open_batch.target IS NULL OR w.retry_at IS NULL OR w.retry_at <= at)
		ORDER BY w.request_no LIMIT most);
	IF cardinality(chosen) = 0 THEN
		RETURN NULL;
	END IF;
	-- whoever reverses one of them now waits for us, or we for it
	PERFORM FROM ledger.balance b WHERE b.member_id IN (SELECT r.payer_id FROM points.request r WHERE r.request_no = ANY (chosen))
		ORDER BY b.member_id FOR NO KEY UPDATE;
	DELETE FROM points.waiting w USING points.request r, ledger.reversal v
	WHERE w.request_no = ANY (chosen) AND r.request_no = w.request_no AND v.redemption_id = r.entry_id;
	FOR against IN SELECT r.request_no, i.reason FROM points.request r
		CROSS JOIN LATERAL points.ineligible(r.programme_id, r.partner, r.member_id, r.account, r.sponsor) i
		WHERE r.request_no = ANY (chosen) AND i.code IS NOT NULL
			AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.entry_id) ORDER BY r.request_no LOOP
		PERFORM points.refuse(against.request_no, 'when it was to be sent: ' || against.reason);
	END LOOP;
	SELECT array_agg(r.request_no ORDER BY r.request_no), sum(r.points) INTO chosen, total FROM points.request r
	WHERE r.request_no = ANY (chosen) AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.entry_id);
	IF chosen IS NULL THEN
		RETURN NULL;
	END IF;
	id := nextval(pg_get_serial_sequence('points.batch', 'batch_no'));
	SELECT coalesce(max(b.sequence), 0) + 1 INTO number FROM points.batch b
	WHERE b.programme_id = programme AND b.partner = open_batch.partner AND (b.target IS NULL) = (open_batch.target IS NULL);
	event := audit.append_event('batch_opened', 'points batch ' || id, NULL,
		format('%s %s%s: %s requests, %s points, received before %s', partner, number, ' to target ' || target, cardinality(chosen), total,
			to_char(cut_off AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
	INSERT INTO points.batch (batch_no, programme_id, partner, sequence, cut_off, opened_at, event_id, target)
	VALUES (id, programme, partner, number, cut_off, audit.event_time(event), event, target);
	INSERT INTO points.sending (request_no, nth, batch_no, place, after_nth, after_result)
	SELECT c.request_no, coalesce(b.nth, 0) + 1, id, c.place, b.nth, CASE WHEN b.nth > 0 THEN 'not_sent' END
	FROM unnest(chosen) WITH ORDINALITY c (request_no, place)
	-- once for all of them: one by one would read what this statement itself has written
	LEFT JOIN (SELECT s.request_no, max(s.nth) AS nth FROM points.sending s WHERE s.request_no = ANY (chosen) GROUP BY s.request_no) b
		ON b.request_no = c.request_no;
	DELETE FROM points.waiting w WHERE w.request_no = ANY (chosen);
	RETURN id;
END
$$;
COMMENT ON FUNCTION points.open_batch(integer, text, timestamptz, text, integer) IS
	'Puts what a window holds, at most so many, into a batch for a file or a target, as sent from then on; its number, or NULL where there is nothing';

-- For the outbox: the next batch to be made into a file for this partner; one that was begun goes on.
CREATE FUNCTION points.next_batch(programme text, partner text, OUT batch bigint, OUT sequence integer, OUT day date, OUT step text,
		OUT name text, OUT bytes bigint, OUT sha256 bytea)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	of integer;
	t points.partner_now;
	b points.batch;
BEGIN
	SELECT p.programme_id INTO of FROM ledger.programme p WHERE p.code = programme;
	-- one program sends to a partner, as long as it has this connection
	IF of IS NULL OR NOT pg_try_advisory_lock(hashtextextended(format('points.files %s %s', of, partner), 0)) THEN
		RETURN;
	END IF;
	SELECT n.* INTO t FROM points.partner_now n WHERE n.programme_id = of AND n.partner = next_batch.partner;
	SELECT q.* INTO b FROM points.batch q WHERE q.programme_id = of AND q.partner = next_batch.partner AND q.target IS NULL
		AND NOT EXISTS (SELECT FROM points.batch_step s WHERE s.batch_no = q.batch_no AND s.step = 'placed')
	ORDER BY q.sequence LIMIT 1;
	IF b.batch_no IS NULL AND points.goes_by_file(t, clock_timestamp()) THEN
		batch := points.open_batch(of, partner, clock_timestamp());
		SELECT * INTO b FROM points.batch q WHERE q.batch_no = batch;
	END IF;
	batch := b.batch_no;
	sequence := b.sequence;
	day := (b.opened_at AT TIME ZONE t.zone)::date;
	SELECT s.step, s.name, s.bytes, s.sha256 INTO step, name, bytes, sha256 FROM points.batch_step s WHERE s.batch_no = b.batch_no AND s.step = 'written';
END
$$;
COMMENT ON FUNCTION points.next_batch(text, text) IS 'The next batch that is to become a file, NULLs where there is none; step written: it lacks its last name';

CREATE FUNCTION points.batch_rows(batch bigint) RETURNS TABLE (place integer, external_reference uuid, outbound_reference text, member text,
		account text, programme text, merchant text, points bigint, amount bigint, currency text, transaction_type integer, request_key text,
		reason text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT s.place, d.external_reference, d.outbound_reference, d.member, r.account, d.programme, d.merchant, d.points, d.amount, d.currency,
		d.transaction_type, r.request_key, r.reason
	FROM points.sending s JOIN points.request r ON r.request_no = s.request_no JOIN ledger.redemption d ON d.redemption_id = r.entry_id
	WHERE s.batch_no = batch ORDER BY s.place
$$;
COMMENT ON FUNCTION points.batch_rows(bigint) IS 'The requests of a batch, in their order: the same each time';

CREATE FUNCTION points.note_batch(batch bigint, step text, name text, bytes bigint, sha256 bytea) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO points.batch_step (batch_no, step, name, bytes, sha256) VALUES (batch, step, name, bytes, sha256)
	ON CONFLICT ON CONSTRAINT batch_step_pkey DO NOTHING
$$;
COMMENT ON FUNCTION points.note_batch(bigint, text, text, bigint, bytea) IS 'How far a batch''s file is';

CREATE VIEW points.batch_request AS
	SELECT s.batch_no, s.request_no, r.points, s.started_at, e.result,
		CASE WHEN handback.redemption_state(r.entry_id) IN ('reversed') THEN 'reversed'
			WHEN handback.redemption_state(r.entry_id) <> 'open' OR e.result = 'credited' THEN 'credited'
			ELSE 'open' END AS state, u.state AS unsettled
	FROM points.sending s JOIN points.request r ON r.request_no = s.request_no
	LEFT JOIN points.sending_end e ON e.request_no = s.request_no AND e.nth = s.nth
	LEFT JOIN points.unsettled u ON u.request_no = s.request_no AND u.nth = s.nth
	WHERE e.result IS DISTINCT FROM 'not_sent';
COMMENT ON VIEW points.batch_request IS 'The requests that count in each batch, and whether they are answered';

-- ---- the partner's acknowledgement of a request file ----

CREATE TABLE points.acknowledgement (
	batch_no bigint NOT NULL REFERENCES points.batch,
	file_id  bigint NOT NULL REFERENCES handback.file,
	requests bigint NOT NULL CHECK (requests >= 0),
	points   bigint NOT NULL CHECK (points >= 0),
	PRIMARY KEY (batch_no, file_id)
);
CALL handback_schema.make_append_only('points.acknowledgement');
COMMENT ON TABLE points.acknowledgement IS 'What partners said they have of our request files, by which files of theirs; append-only';
COMMENT ON COLUMN points.acknowledgement.requests IS 'So many of the batch; fewer than it has where two people let the file through';

-- The control account: what was asked for is credited, given back, or open with an age.
CREATE VIEW points.batches AS
	SELECT b.batch_no, p.code AS programme, b.partner, b.sequence, b.cut_off, b.opened_at, w.name AS file, w.at AS placed_at,
		count(r.request_no) AS requests, coalesce(sum(r.points), 0)::bigint AS requested,
		coalesce(sum(r.points) FILTER (WHERE w.at IS NOT NULL OR r.result IS NOT NULL OR r.unsettled IN ('pending', 'differs')), 0)::bigint AS sent,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'credited'), 0)::bigint AS credited,
		coalesce(sum(r.points) FILTER (WHERE r.result = 'rejected' OR r.state = 'reversed'), 0)::bigint AS rejected,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'reversed'), 0)::bigint AS reversed,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'open' AND w.at IS NULL AND r.unsettled IS DISTINCT FROM 'pending'), 0)::bigint AS unknown,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'open'), 0)::bigint AS open, e.ended_at, b.target,
		(SELECT max(a.points) FROM points.acknowledgement a WHERE a.batch_no = b.batch_no) AS acknowledged
	FROM points.batch b JOIN ledger.programme p ON p.programme_id = b.programme_id
	LEFT JOIN points.batch_step w ON w.batch_no = b.batch_no AND w.step = 'placed'
	LEFT JOIN points.batch_request r ON r.batch_no = b.batch_no
	LEFT JOIN points.batch_end e ON e.batch_no = b.batch_no
	GROUP BY b.batch_no, p.code, b.partner, b.sequence, b.cut_off, b.opened_at, w.name, w.at, e.ended_at, b.target;
COMMENT ON VIEW points.batches IS
	'The control account of each batch, in points: requested is credited, reversed or open; unknown: of open, what may not have left us, or not be there';

-- Finance's one view: points that partners have not answered, since when, and who looks after them.
CREATE VIEW points.unanswered AS
	SELECT p.code AS programme, b.partner, b.sequence, (transaction_timestamp()::date - r.started_at::date) AS days, count(*) AS requests,
		sum(r.points)::bigint AS points, b.batch_no, o.owner, min(r.started_at) AS since
	FROM points.batch_request r JOIN points.batch b ON b.batch_no = r.batch_no JOIN ledger.programme p ON p.programme_id = b.programme_id
	JOIN points.batch_owner_now o ON o.batch_no = b.batch_no
	WHERE r.state = 'open' AND NOT EXISTS (SELECT FROM points.batch_end e WHERE e.batch_no = b.batch_no)
	GROUP BY 1, 2, 3, 4, b.batch_no, o.owner;
COMMENT ON VIEW points.unanswered IS 'Points that partners were asked for and have not answered, by age, with who looks after them';

CREATE FUNCTION points.assign_batch(batch bigint, to_whom text, why text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	nth integer;
	event bigint;
BEGIN
	PERFORM FROM points.batch b JOIN ledger.programme p ON p.programme_id = b.programme_id WHERE b.batch_no = batch FOR NO KEY UPDATE OF p;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such points batch: %', batch USING ERRCODE = 'no_data_found';
	ELSIF EXISTS (SELECT FROM points.batch_end e WHERE e.batch_no = batch) THEN
		RAISE EXCEPTION 'points batch % is closed', batch USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	SELECT count(*) + 1 INTO nth FROM points.batch_owner o WHERE o.batch_no = batch;
	event := audit.append_event('assigned', 'points batch ' || batch, why, to_whom);
	INSERT INTO points.batch_owner (batch_no, nth, owner, event_id) VALUES (batch, nth, to_whom, event);
	RETURN event;
END
$$;
COMMENT ON FUNCTION points.assign_batch(bigint, text, text) IS 'Gives an open batch to somebody to look after; gives the event''s number';

-- Closes every batch that is at zero; nothing else closes one.
CREATE FUNCTION points.close_batches() RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	b record;
	a record;
	event bigint;
	closed integer := 0;
BEGIN
	-- what its hand-back file settled
	DELETE FROM points.unsettled u USING points.request r
	WHERE r.request_no = u.request_no AND u.state <> 'sending' AND u.next_at IS NULL AND handback.redemption_state(r.entry_id) <> 'open';
	-- one by one, and no further than the first request that is open: of what was closed nothing is looked at again
	FOR b IN WITH unended AS MATERIALIZED (
			SELECT q.batch_no, q.partner, q.sequence FROM points.batch q
			WHERE NOT EXISTS (SELECT FROM points.batch_end e WHERE e.batch_no = q.batch_no)
				AND (q.target IS NOT NULL OR EXISTS (SELECT FROM points.batch_step w WHERE w.batch_no = q.batch_no AND w.step = 'placed')))
		SELECT u.batch_no, u.partner, u.sequence FROM unended u
		WHERE (SELECT r.request_no FROM points.batch_request r WHERE r.batch_no = u.batch_no AND r.state = 'open' LIMIT 1) IS NULL
		ORDER BY u.batch_no LOOP
		SELECT coalesce(sum(r.points), 0)::bigint AS requested, coalesce(sum(r.points) FILTER (WHERE r.state = 'credited'), 0)::bigint AS credited,
			coalesce(sum(r.points) FILTER (WHERE r.state = 'reversed'), 0)::bigint AS reversed
		INTO a FROM points.batch_request r WHERE r.batch_no = b.batch_no;
		event := audit.append_event('batch_closed', 'points batch ' || b.batch_no, NULL,
			format('%s %s: requested %s, credited %s, reversed %s', b.partner, b.sequence, a.requested, a.credited, a.reversed));
		INSERT INTO points.batch_end (batch_no, requested, credited, reversed, ended_at, event_id)
		VALUES (b.batch_no, a.requested, a.credited, a.reversed, audit.event_time(event), event);
		closed := closed + 1;
	END LOOP;
	RETURN closed;
END
$$;
COMMENT ON FUNCTION points.close_batches() IS 'Closes the batches whose control account is at zero, each with its event; gives how many';

-- ---- for people ----

CREATE VIEW points.partners AS
	SELECT p.code AS programme, t.partner, t.open, t.account, t.prefix, t.schedule, t.zone, points.closes_next(t, transaction_timestamp()) AS closes,
		w.requests AS waiting, w.points AS waiting_points, t.request_points, t.person_points, t.person_days, q.proposed_by, e.ended_by AS approved_by,
		e.ended_at AS since, t.target, t.file_after
	FROM points.partner_now t JOIN ledger.programme p ON p.programme_id = t.programme_id
	JOIN points.proposal q ON q.proposal_id = t.proposal_id
	JOIN points.proposal_end e ON e.proposal_id = t.proposal_id
	CROSS JOIN LATERAL (SELECT count(*) AS requests, coalesce(sum(r.points), 0)::bigint AS points FROM points.waiting w
		JOIN points.request r ON r.request_no = w.request_no WHERE w.programme_id = t.programme_id AND w.partner = t.partner) w;
COMMENT ON VIEW points.partners IS 'The terms of each partner that are in force, when its window closes, and what waits for that';

CREATE VIEW points.links AS
	SELECT p.code AS programme, l.partner, l.account, m.relation_reference AS member, l.proof, l.made_at, l.made_by
	FROM points.link_now l JOIN ledger.programme p ON p.programme_id = l.programme_id LEFT JOIN ledger.member m ON m.member_id = l.member_id;
COMMENT ON VIEW points.links IS 'The accounts at partners that are linked now, by name';

CREATE VIEW points.held AS
	SELECT r.request_no, r.programme_id, r.sponsor, r.points, r.received_at
	FROM points.request r
	WHERE r.held_for IS NOT NULL AND NOT EXISTS (SELECT FROM points.refusal f WHERE f.request_no = r.request_no)
		AND NOT EXISTS (SELECT FROM ledger.redemption d WHERE d.redemption_id = r.entry_id);
COMMENT ON VIEW points.held IS 'Requests above a sponsor''s cap that two people have not decided';

CREATE VIEW points.sponsors AS
	SELECT p.code AS programme, s.sponsor, m.relation_reference AS account, s.open, s.day_points AS cap,
		coalesce((SELECT d.points FROM points.sponsor_day d WHERE d.member_id = s.member_id
			AND d.day = (transaction_timestamp() AT TIME ZONE 'UTC')::date), 0) AS paid_today,
		coalesce(b.points, 0) AS balance, h.requests AS held, h.points AS held_points, q.proposed_by, e.ended_by AS approved_by, e.ended_at AS since
	FROM points.sponsor_now s JOIN ledger.programme p ON p.programme_id = s.programme_id
	JOIN ledger.member m ON m.member_id = s.member_id
	LEFT JOIN ledger.balance b ON b.member_id = s.member_id
	JOIN points.proposal q ON q.proposal_id = s.proposal_id
	JOIN points.proposal_end e ON e.proposal_id = s.proposal_id
	CROSS JOIN LATERAL (SELECT count(*) AS requests, coalesce(sum(h.points), 0)::bigint AS points FROM points.held h
		WHERE h.programme_id = s.programme_id AND h.sponsor = s.sponsor) h;
COMMENT ON VIEW points.sponsors IS 'The sponsors in force: cap, what they paid today, their balance, and what is held above the cap';

REVOKE ALL ON FUNCTION points.closings(text, text, date[], date[], date, date), points.closed_last(points.partner_now, timestamptz),
	points.closes_next(points.partner_now, timestamptz), points.keep_sent(), points.goes_by_file(points.partner_now, timestamptz),
	points.open_batch(integer, text, timestamptz, text, integer),
	points.next_batch(text, text), points.batch_rows(bigint), points.note_batch(bigint, text, text, bigint, bytea), points.close_batches(),
	points.assign_batch(bigint, text, text) FROM PUBLIC;
GRANT USAGE ON SCHEMA points TO handback_outbox;
GRANT EXECUTE ON FUNCTION points.next_batch(text, text), points.batch_rows(bigint), points.note_batch(bigint, text, text, bigint, bytea),
	points.close_batches() TO handback_outbox;
GRANT EXECUTE ON FUNCTION points.close_batches(), points.closes_next(points.partner_now, timestamptz), points.assign_batch(bigint, text, text)
	TO handback_operator;
GRANT EXECUTE ON FUNCTION points.closings(text, text, date[], date[], date, date), points.closes_next(points.partner_now, timestamptz)
	TO handback_finance, handback_verify;
GRANT SELECT ON points.batches, points.unanswered, points.batch, points.sending, points.sending_end, points.batch_step, points.batch_end,
	points.batch_owner, points.batch_owner_now, points.partners, points.sponsors, points.held, points.links, points.proposal, points.proposal_end,
	points.partner, points.sponsor, points.link, points.batch_request, points.waiting, points.acknowledgement TO handback_finance, handback_verify;
-- how things stand is told at night, and counted
GRANT USAGE ON SCHEMA points TO handback_daemon, handback_nightly, handback_collector;
