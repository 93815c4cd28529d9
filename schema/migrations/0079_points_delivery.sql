-- Points requests go to a partner in real time, too: by a target that two people agreed on, each request and each question written down
-- before its first byte. Whatever is neither a documented refusal nor a failure to connect is unknown, until the partner or its
-- hand-back file says what became of it.

SET LOCAL ROLE handback_owner;

-- ---- the terms ----

ALTER TABLE points.partner
	ADD COLUMN target     text    CHECK (octet_length(target) <= 63),
	ADD COLUMN connector  bytea   CHECK (length(connector) = 32),
	ADD COLUMN file_after integer CHECK (file_after BETWEEN 1 AND 10080),
	ADD CONSTRAINT connector_of_a_target CHECK ((target IS NULL) = (connector IS NULL)),
	ADD CONSTRAINT file_after_a_target CHECK (file_after IS NULL OR target IS NOT NULL);
COMMENT ON COLUMN points.partner.target IS 'The target (handback.target) that its requests are sent to, one by one; NULL: they go by file';
COMMENT ON COLUMN points.partner.connector IS 'SHA-256 of the connector on which two people agreed: by another one nothing is sent';
COMMENT ON COLUMN points.partner.file_after IS 'What could not be sent so many minutes after its window closed goes by file; NULL: it waits for the target';
CREATE OR REPLACE VIEW points.partner_now AS
	SELECT DISTINCT ON (t.programme_id, t.partner) t.* FROM points.partner t
	JOIN points.proposal_end e ON e.proposal_id = t.proposal_id AND e.how = 'approved'
	ORDER BY t.programme_id, t.partner, t.proposal_id DESC;

-- ---- batches ----

ALTER TABLE points.batch ADD COLUMN target text;
COMMENT ON COLUMN points.batch.target IS 'The target to which its requests are sent one by one; NULL: it is a file';
COMMENT ON TABLE points.batch IS 'What goes to a partner together; numbered for each programme and partner without a gap, files by themselves; append-only';
ALTER TABLE points.batch DROP CONSTRAINT batch_programme_id_partner_sequence_key;
CREATE UNIQUE INDEX batch_sequence ON points.batch (programme_id, partner, (target IS NULL), sequence);

-- ---- what waits ----

ALTER TABLE points.waiting
	ADD COLUMN tries    integer NOT NULL DEFAULT 0,
	ADD COLUMN retry_at timestamptz;
COMMENT ON COLUMN points.waiting.tries IS 'How often it was to be sent to a target, and certainly was not';
COMMENT ON COLUMN points.waiting.retry_at IS 'It is not sent to a target before; a file takes it';

-- ---- requests to the partner ----

CREATE TABLE points.attempt (
	request_no bigint  NOT NULL,
	nth        integer NOT NULL,
	n          integer NOT NULL CHECK (n > 0),
	what       text    NOT NULL CHECK (what IN ('send', 'ask')),
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (request_no, nth, n),
	FOREIGN KEY (request_no, nth) REFERENCES points.sending
);
CREATE TABLE points.attempt_end (
	request_no        bigint  NOT NULL,
	nth               integer NOT NULL,
	n                 integer NOT NULL,
	result            text    NOT NULL CHECK (result IN ('credited', 'pending', 'rejected', 'not_sent', 'unknown', 'missing', 'exists', 'differs')),
	http_status       integer CHECK (http_status BETWEEN 100 AND 599),
	partner_reference text    CHECK (octet_length(partner_reference) <= 400),
	points            bigint,
	why               text    CHECK (octet_length(why) <= 1600),
	ended_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (request_no, nth, n),
	FOREIGN KEY (request_no, nth, n) REFERENCES points.attempt
);
CALL handback_schema.make_append_only('points.attempt');
CALL handback_schema.make_append_only('points.attempt_end');
COMMENT ON TABLE points.attempt IS 'Each time a target was sent a request, or asked what became of it, written before the first byte; append-only';
COMMENT ON COLUMN points.attempt.what IS 'send: always by the reference of its debit, also when it is sent again. ask: it moves nothing';
COMMENT ON TABLE points.attempt_end IS 'What came of it; none: whoever sent it was cut off; append-only';
COMMENT ON COLUMN points.attempt_end.result IS
	'not_sent: certainly not. pending: taken. exists: it was there before. missing: it is not there. differs: with other points. unknown: all else';
COMMENT ON COLUMN points.attempt_end.points IS 'As the partner stated them, where they differ';

-- Kept by claim_requests and note_attempt alone.
CREATE TABLE points.unsettled (
	request_no        bigint  PRIMARY KEY REFERENCES points.request,
	nth               integer NOT NULL,
	target            text    NOT NULL,
	state             text    NOT NULL CHECK (state IN ('sending', 'unknown', 'pending', 'differs')),
	since             timestamptz NOT NULL,
	sent_at           timestamptz NOT NULL,
	next_at           timestamptz,
	asks              integer NOT NULL DEFAULT 0,
	again             boolean NOT NULL DEFAULT false,
	partner_reference text,
	why               text,
	FOREIGN KEY (request_no, nth) REFERENCES points.sending,
	CHECK (state IN ('unknown', 'pending') OR next_at IS NULL),
	CHECK (state = 'unknown' OR NOT again)
);
CREATE INDEX unsettled_due ON points.unsettled (target, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX unsettled_sending ON points.unsettled (target) WHERE state = 'sending';
COMMENT ON TABLE points.unsettled IS 'Requests that a target was sent and of which its answer is not certain: a row comes with the sending, and goes when it is settled';
COMMENT ON COLUMN points.unsettled.state IS
	'sending: under way. unknown: the partner may have it. pending: it has it. differs: it has it with other points, and people see to it';
COMMENT ON COLUMN points.unsettled.sent_at IS 'When it was sent first: within the connector''s window from then on it is asked for, and sent again';
COMMENT ON COLUMN points.unsettled.next_at IS 'When the target is asked next, or sent it again by the same reference; NULL: the hand-back file settles it';
COMMENT ON COLUMN points.unsettled.again IS 'It is not there, and the target takes one reference once: it is sent again';

-- ---- whether it is by target ----

CREATE FUNCTION points.is_agreed(programme integer, target text, connector text) RETURNS boolean
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM points.partner p JOIN points.proposal_end e ON e.proposal_id = p.proposal_id AND e.how = 'approved'
		WHERE p.target = is_agreed.target AND p.programme_id = is_agreed.programme
			AND p.connector = sha256(convert_to(is_agreed.connector, 'UTF8')))
$$;
COMMENT ON FUNCTION points.is_agreed(integer, text, text) IS 'Did two people agree on this connector of the target, for a partner of its programme?';

CREATE VIEW points.routes AS
	SELECT p.code AS programme, t.partner, t.target, CASE WHEN n.name IS NULL THEN 'missing' WHEN n.state <> 'active' THEN n.state
			WHEN t.connector <> sha256(convert_to(n.connector, 'UTF8')) THEN 'not_agreed' ELSE 'active' END AS state,
		t.file_after
	FROM points.partner_now t JOIN ledger.programme p ON p.programme_id = t.programme_id
	LEFT JOIN handback.target_now n ON n.name = t.target AND n.programme_id = t.programme_id WHERE t.target IS NOT NULL;
COMMENT ON VIEW points.routes IS 'The partners whose requests are sent one by one, and whether that goes on; not_agreed: the target''s connector is another by now';

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

CREATE OR REPLACE FUNCTION points.propose_partner(programme text, partner text, changes jsonb, why text) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	of constant integer := points.programme_of(programme);
	known constant text[] := '{open,account,prefix,request_points,person_points,person_days,schedule,zone,holidays,days,target,file_after}';
	other text;
	t points.partner;
	id integer;
BEGIN
	SELECT k INTO other FROM jsonb_object_keys(changes) k WHERE k <> ALL (known) LIMIT 1;
	IF other IS NOT NULL THEN
		RAISE EXCEPTION 'terms have no %', other USING ERRCODE = 'undefined_parameter', HINT = 'There are ' || array_to_string(known, ', ') || '.';
	END IF;
	SELECT n.* INTO t FROM points.partner_now n WHERE n.programme_id = of AND n.partner = propose_partner.partner;
	IF t.partner IS NULL THEN
		t := jsonb_populate_record(NULL::points.partner, '{"open": true, "account": "linked", "prefix": "Q", "schedule": "now", "zone": "UTC",
			"holidays": [], "days": []}');
	END IF;
	t := jsonb_populate_record(t, changes);
	IF changes ? 'target' THEN
		SELECT sha256(convert_to(n.connector, 'UTF8')) INTO t.connector FROM handback.target_now n WHERE n.name = t.target AND n.programme_id = of;
		IF t.target IS NOT NULL AND t.connector IS NULL THEN
			RAISE EXCEPTION 'programme % has no target %', programme, t.target USING ERRCODE = 'no_data_found';
		END IF;
	END IF;
	id := points.propose('partner', of, partner, why, format('programme %s, partner %s: %s', programme, partner,
		changes || CASE WHEN changes ? 'target' THEN jsonb_build_object('connector', encode(t.connector, 'hex')) ELSE '{}' END));
	INSERT INTO points.partner (proposal_id, programme_id, partner, open, account, prefix, request_points, person_points, person_days,
		schedule, zone, holidays, days, target, connector, file_after)
	VALUES (id, of, partner, t.open, t.account, t.prefix, t.request_points, t.person_points, t.person_days, t.schedule, t.zone, t.holidays, t.days,
		t.target, t.connector, t.file_after);
	RETURN id;
END
$$;

-- ---- batches, by file or by target ----

DROP FUNCTION points.open_batch(integer, text, timestamptz);
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
	CROSS JOIN LATERAL (SELECT max(s.nth) AS nth FROM points.sending s WHERE s.request_no = c.request_no) b;
	DELETE FROM points.waiting w WHERE w.request_no = ANY (chosen);
	RETURN id;
END
$$;
COMMENT ON FUNCTION points.open_batch(integer, text, timestamptz, text, integer) IS
	'Puts what a window holds, at most so many, into a batch for a file or a target, as sent from then on; its number, or NULL where there is nothing';

CREATE OR REPLACE FUNCTION points.next_batch(programme text, partner text, OUT batch bigint, OUT sequence integer, OUT day date, OUT step text,
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

-- ---- sending one by one ----

-- The targets to which a program has to send, or that it has to ask.
CREATE FUNCTION points.targets_to_send() RETURNS TABLE (name text, version integer, connector text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT t.name, t.version, t.connector FROM handback.target_now t
	WHERE t.state = 'active' AND (EXISTS (SELECT FROM points.partner_now n WHERE n.target = t.name AND n.programme_id = t.programme_id)
			OR EXISTS (SELECT FROM points.unsettled u WHERE u.target = t.name AND (u.state = 'sending' OR u.next_at IS NOT NULL)))
		AND points.is_agreed(t.programme_id, t.name, t.connector)
	ORDER BY t.name
$$;
COMMENT ON FUNCTION points.targets_to_send() IS 'The targets to which points requests are sent, with the connectors on which two people agreed';

CREATE FUNCTION points.request_object(request bigint, nth integer) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
	SELECT jsonb_build_object('reference', d.external_reference, 'outbound_reference', d.outbound_reference, 'account', r.account,
		'member', m.relation_reference, 'programme', d.programme, 'partner', r.partner, 'points', r.points, 'amount', d.amount,
		'currency', d.currency, 'type', d.transaction_type, 'request_key', r.request_key, 'reason', r.reason, 'requested_at', d.redeemed_at,
		'partner_reference', u.partner_reference)
	FROM points.request r JOIN ledger.redemption d ON d.redemption_id = r.entry_id
	LEFT JOIN ledger.member m ON m.member_id = r.member_id
	LEFT JOIN points.unsettled u ON u.request_no = r.request_no AND u.nth = request_object.nth
	WHERE r.request_no = request
$$;
COMMENT ON FUNCTION points.request_object(bigint, integer) IS 'What a partner''s target may be told of a request';

-- Once for each program and connection, before it claims anything: whatever is under way then, somebody else left.  false: another
-- program sends to this target.
CREATE FUNCTION points.begin_requests(target text) RETURNS boolean
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT pg_try_advisory_lock(hashtextextended('points.target ' || target, 0)) THEN
		RETURN false;
	END IF;
	INSERT INTO points.attempt_end (request_no, nth, n, result, why)
	SELECT a.request_no, a.nth, a.n, 'unknown', 'whoever sent it was cut off' FROM points.unsettled u
	JOIN points.attempt a ON a.request_no = u.request_no AND a.nth = u.nth AND a.what = 'send'
	WHERE u.target = begin_requests.target AND u.state = 'sending'
		AND NOT EXISTS (SELECT FROM points.attempt_end e WHERE e.request_no = a.request_no AND e.nth = a.nth AND e.n = a.n);
	UPDATE points.unsettled u SET state = 'unknown', since = clock_timestamp(), next_at = clock_timestamp(), why = 'whoever sent it was cut off'
	WHERE u.target = begin_requests.target AND u.state = 'sending';
	RETURN true;
END
$$;
COMMENT ON FUNCTION points.begin_requests(text) IS 'Takes a target for this connection; what was under way before is unknown';

-- What is to be sent or asked now, at most so many; each stands in points.attempt when this commits, and may go out then.
-- asks, idempotent, window_s: as the connector says.
CREATE FUNCTION points.claim_requests(target text, version integer, most integer, asks boolean, idempotent boolean, window_s integer)
	RETURNS TABLE (request bigint, nth integer, n integer, what text, object jsonb)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	t handback.target;
	p points.partner_now;
	u points.unsettled;
	claimed integer := 0;
	batch bigint;
	now_at constant timestamptz := clock_timestamp();
BEGIN
	SELECT r.* INTO t FROM handback.target_now r WHERE r.name = target AND r.version = claim_requests.version AND r.state = 'active';
	IF t.name IS NULL OR most NOT BETWEEN 1 AND 1000 OR NOT points.is_agreed(t.programme_id, t.name, t.connector)
			OR NOT pg_try_advisory_lock(hashtextextended('points.target ' || target, 0)) THEN
		RETURN;
	END IF;
	FOR u IN SELECT s.* FROM points.unsettled s WHERE s.target = t.name AND s.next_at <= now_at
			ORDER BY s.next_at LIMIT greatest(1, most / 2) FOR UPDATE LOOP
		IF handback.redemption_state((SELECT r.entry_id FROM points.request r WHERE r.request_no = u.request_no)) <> 'open' THEN
			-- the hand-back file said what became of it
			DELETE FROM points.unsettled s WHERE s.request_no = u.request_no;
			CONTINUE;
		ELSIF (u.state = 'unknown' AND u.sent_at + make_interval(secs => window_s) <= now_at) OR NOT (asks OR idempotent AND u.state = 'unknown') THEN
			-- only the hand-back file can, from now on
			UPDATE points.unsettled s SET next_at = NULL, again = false WHERE s.request_no = u.request_no;
			CONTINUE;
		END IF;
		claimed := claimed + 1;
		request := u.request_no;
		nth := u.nth;
		what := CASE WHEN idempotent AND u.state = 'unknown' AND (u.again OR NOT asks) THEN 'send' ELSE 'ask' END;
		INSERT INTO points.attempt AS a (request_no, nth, n, what)
		SELECT u.request_no, u.nth, max(b.n) + 1, what FROM points.attempt b WHERE b.request_no = u.request_no AND b.nth = u.nth
		RETURNING a.n INTO n;
		UPDATE points.unsettled s SET asks = s.asks + 1, again = false, state = CASE what WHEN 'send' THEN 'sending' ELSE s.state END,
			next_at = CASE what WHEN 'ask' THEN now_at + handback.retry_after(s.asks + 5) END
		WHERE s.request_no = u.request_no;
		object := points.request_object(u.request_no, u.nth);
		RETURN NEXT;
	END LOOP;

	FOR p IN SELECT r.* FROM points.partner_now r WHERE r.target = t.name AND r.programme_id = t.programme_id AND r.open
			AND r.connector = sha256(convert_to(t.connector, 'UTF8')) ORDER BY r.partner LOOP
		EXIT WHEN claimed >= most;
		-- who makes its files does not open a batch of the same rows meanwhile
		CONTINUE WHEN NOT pg_try_advisory_lock(hashtextextended(format('points.files %s %s', p.programme_id, p.partner), 0));
		batch := points.open_batch(p.programme_id, p.partner, now_at, t.name, most - claimed);
		CONTINUE WHEN batch IS NULL;
		INSERT INTO points.attempt (request_no, nth, n, what) SELECT s.request_no, s.nth, 1, 'send' FROM points.sending s WHERE s.batch_no = batch;
		INSERT INTO points.unsettled (request_no, nth, target, state, since, sent_at)
		SELECT s.request_no, s.nth, t.name, 'sending', now_at, now_at FROM points.sending s WHERE s.batch_no = batch;
		RETURN QUERY SELECT s.request_no, s.nth, 1, 'send', points.request_object(s.request_no, s.nth) FROM points.sending s
			WHERE s.batch_no = batch ORDER BY s.place;
		claimed := claimed + (SELECT count(*) FROM points.sending s WHERE s.batch_no = batch);
	END LOOP;
END
$$;
COMMENT ON FUNCTION points.claim_requests(text, integer, integer, boolean, boolean, integer) IS
	'What a target is to be sent or asked next, written down before it is; one program at a time';

-- What came of an attempt.  missing_after_s: what is not there so long after it was sent is believed missing; missing: what that means.
CREATE FUNCTION points.note_attempt(request bigint, nth integer, n integer, result text, http_status integer, partner_reference text, stated bigint,
		why text, idempotent boolean, missing_is_unsent boolean, missing_after_s integer) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	r points.request;
	u points.unsettled;
	told constant text := left(why, 400);
	is_ask boolean;
	sent_before boolean;
	settled text;
	event bigint;
	verdict text := result;
BEGIN
	SELECT * INTO r FROM points.request q WHERE q.request_no = request;
	-- in the order of all postings: whoever answers it now waits for us, or we for it
	PERFORM FROM ledger.balance b WHERE b.member_id = r.payer_id FOR NO KEY UPDATE;
	SELECT * INTO u FROM points.unsettled s WHERE s.request_no = request AND s.nth = note_attempt.nth FOR UPDATE;
	INSERT INTO points.attempt_end (request_no, nth, n, result, http_status, partner_reference, points, why)
	VALUES (request, nth, n, result, http_status, left(partner_reference, 200), stated, told) ON CONFLICT ON CONSTRAINT attempt_end_pkey DO NOTHING;
	IF NOT FOUND OR u.request_no IS NULL THEN
		RETURN; -- it was cut off, as it seemed, or is settled
	END IF;
	SELECT a.what = 'ask' INTO is_ask FROM points.attempt a WHERE a.request_no = request AND a.nth = note_attempt.nth AND a.n = note_attempt.n;
	-- a sending before this one of which nobody knows
	sent_before := EXISTS (SELECT FROM points.attempt a
		LEFT JOIN points.attempt_end e ON e.request_no = a.request_no AND e.nth = a.nth AND e.n = a.n
		WHERE a.request_no = request AND a.nth = note_attempt.nth AND a.n <> note_attempt.n AND a.what = 'send' AND e.result IS DISTINCT FROM 'not_sent');
	settled := handback.redemption_state(r.entry_id);
	IF verdict = 'missing' AND is_ask AND u.state = 'unknown' AND clock_timestamp() > make_interval(secs => missing_after_s) + (
			SELECT max(a.started_at) FROM points.attempt a WHERE a.request_no = request AND a.nth = note_attempt.nth AND a.what = 'send') THEN
		verdict := CASE WHEN missing_is_unsent THEN 'not_sent' WHEN idempotent THEN 'again' ELSE 'unknown' END;
	ELSIF verdict = 'not_sent' AND (is_ask OR sent_before) OR verdict IN ('missing', 'exists') THEN
		verdict := 'unknown';
	END IF;

	IF verdict = 'credited' OR verdict = 'not_sent' AND settled = 'open' OR verdict = 'rejected' AND settled IN ('open', 'reversed') THEN
		INSERT INTO points.sending_end (request_no, nth, result, partner_reference, why)
		VALUES (request, nth, verdict, left(coalesce(partner_reference, u.partner_reference), 200), left(told, 100));
		DELETE FROM points.unsettled s WHERE s.request_no = request;
		IF verdict = 'not_sent' THEN
			INSERT INTO points.waiting (request_no, programme_id, partner, tries, retry_at)
			VALUES (request, r.programme_id, r.partner, nth, clock_timestamp() + handback.retry_after(nth));
		ELSIF verdict = 'rejected' AND settled = 'open' THEN
			PERFORM FROM ledger.post_answers(ARRAY[r.entry_id], 'Debit By Redemption', 'Redemption Reversal', 'application');
			PERFORM audit.append_event('points_refused', 'points request ' || request, coalesce(told, 'refused by the partner'),
				format('the partner refused it: %s points were given back', r.points));
		END IF;
	ELSIF verdict = 'rejected' OR settled <> 'open' THEN
		DELETE FROM points.unsettled s WHERE s.request_no = request; -- the hand-back file was first: points.contradictions
	ELSIF verdict IN ('pending', 'differs') THEN
		UPDATE points.unsettled s SET state = verdict, since = CASE WHEN s.state = verdict THEN s.since ELSE clock_timestamp() END,
			partner_reference = coalesce(left(note_attempt.partner_reference, 200), s.partner_reference), why = told, again = false,
			next_at = CASE verdict WHEN 'pending' THEN clock_timestamp() + handback.retry_after(s.asks + 2) END
		WHERE s.request_no = request;
	ELSE
		UPDATE points.unsettled s SET state = CASE s.state WHEN 'pending' THEN s.state ELSE 'unknown' END,
			since = CASE s.state WHEN 'sending' THEN clock_timestamp() ELSE s.since END,
			again = verdict = 'again' AND s.state <> 'pending', why = coalesce(told, s.why),
			partner_reference = coalesce(left(note_attempt.partner_reference, 200), s.partner_reference),
			next_at = clock_timestamp() + CASE WHEN result = 'exists' OR verdict = 'again' THEN interval '0' ELSE handback.retry_after(s.asks + 2) END
		WHERE s.request_no = request AND s.state <> 'differs';
	END IF;
END
$$;
COMMENT ON FUNCTION points.note_attempt(bigint, integer, integer, text, integer, text, bigint, text, boolean, boolean, integer) IS
	'What came of sending a request or asking for it; a documented refusal gives the points back, once';

-- Says the partner's answer at once that it credited this one?  What its hand-back file says against that waits for people.
CREATE FUNCTION points.was_credited(redemption bigint) RETURNS boolean
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM points.request r JOIN points.sending_end e ON e.request_no = r.request_no AND e.result = 'credited'
		WHERE r.entry_id = redemption)
$$;
COMMENT ON FUNCTION points.was_credited(bigint) IS 'Did the partner answer a points request with its credit, when it was sent?';

-- ---- what became of them ----

CREATE OR REPLACE FUNCTION points.state_of(request bigint) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN EXISTS (SELECT FROM points.refusal f WHERE f.request_no = r.request_no) THEN 'refused'
		WHEN NOT EXISTS (SELECT FROM ledger.redemption d WHERE d.redemption_id = r.entry_id) THEN 'held'
		ELSE CASE handback.redemption_state(r.entry_id) WHEN 'confirmed' THEN 'credited' WHEN 'open' THEN coalesce((
				SELECT CASE WHEN e.result = 'credited' THEN 'credited' WHEN u.state IN ('unknown', 'differs') THEN u.state
					WHEN u.state = 'pending' OR w.at IS NOT NULL THEN 'sent' ELSE 'sending' END
				FROM points.sending s LEFT JOIN points.sending_end e ON e.request_no = s.request_no AND e.nth = s.nth
				LEFT JOIN points.batch_step w ON w.batch_no = s.batch_no AND w.step = 'placed'
				LEFT JOIN points.unsettled u ON u.request_no = s.request_no AND u.nth = s.nth
				WHERE s.request_no = r.request_no AND e.result IS DISTINCT FROM 'not_sent' ORDER BY s.nth DESC LIMIT 1), 'queued')
			ELSE handback.redemption_state(r.entry_id) END END
	FROM points.request r WHERE r.request_no = request
$$;
COMMENT ON FUNCTION points.state_of(bigint) IS
	'refused: never sent. held: two people decide. queued: for its window. sending, sent, unknown, differs: the partner has it or may have it. The others: as its redemption is';

CREATE OR REPLACE VIEW points.batch_request AS
	SELECT s.batch_no, s.request_no, r.points, s.started_at, e.result,
		CASE WHEN handback.redemption_state(r.entry_id) IN ('reversed') THEN 'reversed'
			WHEN handback.redemption_state(r.entry_id) <> 'open' OR e.result = 'credited' THEN 'credited'
			ELSE 'open' END AS state, u.state AS unsettled
	FROM points.sending s JOIN points.request r ON r.request_no = s.request_no
	LEFT JOIN points.sending_end e ON e.request_no = s.request_no AND e.nth = s.nth
	LEFT JOIN points.unsettled u ON u.request_no = s.request_no AND u.nth = s.nth
	WHERE e.result IS DISTINCT FROM 'not_sent';

CREATE OR REPLACE VIEW points.batches AS
	SELECT b.batch_no, p.code AS programme, b.partner, b.sequence, b.cut_off, b.opened_at, w.name AS file, w.at AS placed_at,
		count(r.request_no) AS requests, coalesce(sum(r.points), 0)::bigint AS requested,
		coalesce(sum(r.points) FILTER (WHERE w.at IS NOT NULL OR r.result IS NOT NULL OR r.unsettled IN ('pending', 'differs')), 0)::bigint AS sent,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'credited'), 0)::bigint AS credited,
		coalesce(sum(r.points) FILTER (WHERE r.result = 'rejected' OR r.state = 'reversed'), 0)::bigint AS rejected,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'reversed'), 0)::bigint AS reversed,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'open' AND w.at IS NULL AND r.unsettled IS DISTINCT FROM 'pending'), 0)::bigint AS unknown,
		coalesce(sum(r.points) FILTER (WHERE r.state = 'open'), 0)::bigint AS open, e.ended_at, b.target
	FROM points.batch b JOIN ledger.programme p ON p.programme_id = b.programme_id
	LEFT JOIN points.batch_step w ON w.batch_no = b.batch_no AND w.step = 'placed'
	LEFT JOIN points.batch_request r ON r.batch_no = b.batch_no
	LEFT JOIN points.batch_end e ON e.batch_no = b.batch_no
	GROUP BY b.batch_no, p.code, b.partner, b.sequence, b.cut_off, b.opened_at, w.name, w.at, e.ended_at, b.target;
COMMENT ON VIEW points.batches IS
	'The control account of each batch, in points: requested is credited, reversed or open; unknown: of open, what may not have left us, or not be there';

CREATE VIEW points.open_requests AS
	SELECT p.code AS programme, r.partner, r.request_key, d.outbound_reference, d.external_reference, r.points, u.state, u.since, u.sent_at, u.asks,
		u.next_at, u.partner_reference, u.why, u.target, b.sequence AS batch, r.request_no
	FROM points.unsettled u JOIN points.request r ON r.request_no = u.request_no
	JOIN points.sending s ON s.request_no = u.request_no AND s.nth = u.nth JOIN points.batch b ON b.batch_no = s.batch_no
	JOIN ledger.programme p ON p.programme_id = r.programme_id JOIN ledger.redemption d ON d.redemption_id = r.entry_id
	WHERE handback.redemption_state(r.entry_id) = 'open';
COMMENT ON VIEW points.open_requests IS 'Requests that a target was sent and that are not settled, with their age: unknown, pending, differs, or under way';

CREATE VIEW points.contradictions AS
	SELECT p.code AS programme, r.partner, r.request_key, d.outbound_reference, r.points, e.result AS answered, e.ended_at AS answered_at,
		handback.redemption_state(r.entry_id) AS state, r.request_no
	FROM points.attempt_end e JOIN points.request r ON r.request_no = e.request_no
	JOIN ledger.programme p ON p.programme_id = r.programme_id JOIN ledger.redemption d ON d.redemption_id = r.entry_id
	WHERE e.result = 'credited' AND handback.redemption_state(r.entry_id) = 'reversed'
		OR e.result = 'rejected' AND handback.redemption_state(r.entry_id) IN ('confirmed', 'reinstated');
COMMENT ON VIEW points.contradictions IS 'Requests of which the partner''s answer at once and its hand-back file, or people, say the opposite';

CREATE OR REPLACE FUNCTION points.close_batches() RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	b record;
	event bigint;
	closed integer := 0;
BEGIN
	-- what its hand-back file settled
	DELETE FROM points.unsettled u USING points.request r
	WHERE r.request_no = u.request_no AND u.state <> 'sending' AND u.next_at IS NULL AND handback.redemption_state(r.entry_id) <> 'open';
	FOR b IN SELECT q.batch_no FROM points.batch q
		WHERE (q.target IS NOT NULL OR EXISTS (SELECT FROM points.batch_step w WHERE w.batch_no = q.batch_no AND w.step = 'placed'))
			AND NOT EXISTS (SELECT FROM points.batch_end e WHERE e.batch_no = q.batch_no)
			AND NOT EXISTS (SELECT FROM points.batch_request r WHERE r.batch_no = q.batch_no AND r.state = 'open')
		ORDER BY q.batch_no LOOP
		SELECT * INTO b FROM points.batches q WHERE q.batch_no = b.batch_no;
		event := audit.append_event('batch_closed', 'points batch ' || b.batch_no, NULL,
			format('%s %s: requested %s, credited %s, reversed %s', b.partner, b.sequence, b.requested, b.credited, b.reversed));
		INSERT INTO points.batch_end (batch_no, requested, credited, reversed, ended_at, event_id)
		VALUES (b.batch_no, b.requested, b.credited, b.reversed, audit.event_time(event), event);
		closed := closed + 1;
	END LOOP;
	RETURN closed;
END
$$;

REVOKE ALL ON FUNCTION points.is_agreed(integer, text, text), points.goes_by_file(points.partner_now, timestamptz),
	points.open_batch(integer, text, timestamptz, text, integer), points.targets_to_send(), points.request_object(bigint, integer),
	points.begin_requests(text), points.claim_requests(text, integer, integer, boolean, boolean, integer),
	points.note_attempt(bigint, integer, integer, text, integer, text, bigint, text, boolean, boolean, integer), points.was_credited(bigint)
	FROM PUBLIC;
GRANT EXECUTE ON FUNCTION points.targets_to_send(), points.begin_requests(text), points.claim_requests(text, integer, integer, boolean, boolean, integer),
	points.note_attempt(bigint, integer, integer, text, integer, text, bigint, text, boolean, boolean, integer) TO handback_outbox;
GRANT USAGE ON SCHEMA points TO handback_daemon, handback_nightly;
GRANT EXECUTE ON FUNCTION points.was_credited(bigint) TO handback_daemon, handback_nightly, handback_operator, handback_finance;
GRANT SELECT ON points.routes, points.attempt, points.attempt_end, points.unsettled, points.open_requests, points.contradictions
	TO handback_finance, handback_verify;
