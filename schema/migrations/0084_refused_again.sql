-- A partner's refusal of a request that is sent again, while nobody knows what became of the first time, gives nothing back: it may have
-- been credited then. It is believed once the partner said that the request is not there.

SET LOCAL ROLE handback_owner;

-- What came of an attempt.  missing_after_s: what is not there so long after it was sent is believed missing; missing: what that means.
CREATE OR REPLACE FUNCTION points.note_attempt(request bigint, nth integer, n integer, result text, http_status integer, partner_reference text, stated bigint,
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
