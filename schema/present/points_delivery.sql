-- Points requests that go to a partner one by one: by a target on whose connector two people agreed. Each request and each question is
-- written down before its first byte; whatever is neither a documented refusal nor a failure to connect is unknown, until the
-- partner or its hand-back file says what became of it.

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
	-- a sending before this one of which nobody knows, nor said the partner since then that it is not there
	sent_before := EXISTS (SELECT FROM points.attempt a
		LEFT JOIN points.attempt_end e ON e.request_no = a.request_no AND e.nth = a.nth AND e.n = a.n
		WHERE a.request_no = request AND a.nth = note_attempt.nth AND a.n <> note_attempt.n AND a.what = 'send' AND e.result IS DISTINCT FROM 'not_sent'
			AND NOT EXISTS (SELECT FROM points.attempt_end m WHERE m.request_no = a.request_no AND m.nth = a.nth AND m.n > a.n AND m.result = 'missing'));
	settled := handback.redemption_state(r.entry_id);
	IF verdict = 'missing' AND is_ask AND u.state = 'unknown' AND clock_timestamp() > make_interval(secs => missing_after_s) + (
			SELECT max(a.started_at) FROM points.attempt a WHERE a.request_no = request AND a.nth = note_attempt.nth AND a.what = 'send') THEN
		verdict := CASE WHEN missing_is_unsent THEN 'not_sent' WHEN idempotent THEN 'again' ELSE 'unknown' END;
	ELSIF verdict = 'not_sent' AND (is_ask OR sent_before) OR verdict = 'rejected' AND NOT is_ask AND sent_before OR verdict IN ('missing', 'exists') THEN
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

REVOKE ALL ON FUNCTION points.is_agreed(integer, text, text), points.targets_to_send(), points.request_object(bigint, integer),
	points.begin_requests(text), points.claim_requests(text, integer, integer, boolean, boolean, integer),
	points.note_attempt(bigint, integer, integer, text, integer, text, bigint, text, boolean, boolean, integer), points.was_credited(bigint)
	FROM PUBLIC;
GRANT EXECUTE ON FUNCTION points.targets_to_send(), points.begin_requests(text), points.claim_requests(text, integer, integer, boolean, boolean, integer),
	points.note_attempt(bigint, integer, integer, text, integer, text, bigint, text, boolean, boolean, integer) TO handback_outbox;
GRANT USAGE ON SCHEMA points TO handback_daemon, handback_nightly;
GRANT EXECUTE ON FUNCTION points.was_credited(bigint) TO handback_daemon, handback_nightly, handback_operator, handback_finance;
GRANT SELECT ON points.routes, points.attempt, points.attempt_end, points.unsettled, points.open_requests, points.contradictions
	TO handback_finance, handback_verify;
