-- Who looks after a batch, what people see of sponsors and windows, and whose a debit is: audit verify compares requests and orders with the ledger.

SET LOCAL ROLE handback_owner;

ALTER TABLE ledger.entry DROP CONSTRAINT entry_origin_check;
ALTER TABLE ledger.entry ADD CONSTRAINT entry_origin_check CHECK (origin IN ('handback', 'application', 'api', 'points', 'catalogue'));
COMMENT ON COLUMN ledger.entry.origin IS 'Who asked for it, of answers and of what was posted for a call. A reversal of handback is named by an outcome; what the API posted by its request, debits of points requests and of the shop''s orders by these';

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

-- Finance's one view: points that partners have not answered, since when, and who looks after them.
CREATE OR REPLACE VIEW points.unanswered AS
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

-- ---- for people ----

CREATE VIEW points.partners AS
	SELECT p.code AS programme, t.partner, t.open, t.account, t.prefix, t.schedule, t.zone, points.closes_next(t, transaction_timestamp()) AS closes,
		w.requests AS waiting, w.points AS waiting_points, t.request_points, t.person_points, t.person_days, q.proposed_by, e.ended_by AS approved_by,
		e.ended_at AS since
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

-- What people and the monitoring have to know.  Who counts reads no redemption: this does, for it.
CREATE FUNCTION points.attention() RETURNS TABLE (programme text, partner text, matter text, age text, number bigint, points bigint, since timestamptz)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH batch AS (
		SELECT b.batch_no, b.programme_id, b.partner, b.opened_at, EXISTS (SELECT FROM points.batch_step w
			WHERE w.batch_no = b.batch_no AND w.step = 'placed') AS placed
		FROM points.batch b WHERE NOT EXISTS (SELECT FROM points.batch_end e WHERE e.batch_no = b.batch_no)
	), unanswered AS (
		SELECT b.batch_no, b.programme_id, b.partner, r.points, r.started_at, CASE
			WHEN r.started_at > transaction_timestamp() - interval '1 day' THEN 'day'
			WHEN r.started_at > transaction_timestamp() - interval '7 days' THEN 'week'
			WHEN r.started_at > transaction_timestamp() - interval '30 days' THEN 'month' ELSE 'older' END AS age
		FROM batch b JOIN points.batch_request r ON r.batch_no = b.batch_no WHERE r.state = 'open'
	), matter AS (
		SELECT u.programme_id, u.partner, 'unanswered' AS matter, u.age, count(*) AS number, sum(u.points) AS points, min(u.started_at) AS since
		FROM unanswered u GROUP BY 1, 2, 4
		UNION ALL
		SELECT b.programme_id, b.partner, CASE WHEN b.placed THEN 'batch_open' ELSE 'batch_unplaced' END, NULL, count(*),
			sum((SELECT sum(u.points) FROM unanswered u WHERE u.batch_no = b.batch_no)), min(b.opened_at)
		FROM batch b GROUP BY 1, 2, 3
		UNION ALL
		SELECT h.programme_id, r.partner, 'held', NULL, count(*), sum(h.points), min(h.received_at)
		FROM points.held h JOIN points.request r ON r.request_no = h.request_no GROUP BY 1, 2
	) SELECT p.code, m.partner, m.matter, m.age, m.number, coalesce(m.points, 0)::bigint, m.since
	FROM matter m JOIN ledger.programme p ON p.programme_id = m.programme_id
$$;
COMMENT ON FUNCTION points.attention() IS
	'unanswered: requests without an answer, by age. batch_open: batches that are not closed. batch_unplaced: those that have no file yet. held: requests above a cap';

CREATE INDEX request_held ON points.request (programme_id, sponsor) WHERE held_for IS NOT NULL;

-- Takes the points.  By this every request is a redemption of one partner, with the reference by which that answers.
CREATE OR REPLACE FUNCTION points.post_debit(request bigint) RETURNS void
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO ledger.entry (entry_id, programme_id, member_id, category, points, partner, merchant, transaction_type, amount, currency,
		outbound_reference, origin)
	SELECT r.entry_id, r.programme_id, r.payer_id, 'Debit By Redemption', r.points, r.partner, r.partner, 4,
		ledger.points_value(r.points, p.rate_points, p.rate_minor), p.currency,
		t.prefix || to_char(nextval('api.outbound_reference'), 'FM0000000000'), 'points'
	FROM points.request r
	JOIN ledger.programme p ON p.programme_id = r.programme_id
	JOIN points.partner_now t ON t.programme_id = r.programme_id AND t.partner = r.partner
	WHERE r.request_no = request;
	INSERT INTO points.waiting (request_no, programme_id, partner) SELECT r.request_no, r.programme_id, r.partner FROM points.request r
	WHERE r.request_no = request
$$;

CREATE OR REPLACE VIEW points.requests AS
	SELECT r.request_no, c.code AS programme, r.request_key, r.partner, r.points, r.sponsor, points.state_of(r.request_no) AS state, f.why,
		r.received_at, r.not_before, d.external_reference, d.outbound_reference, m.relation_reference AS member, r.account, r.client_id, r.reason
	FROM points.request r JOIN ledger.programme c ON c.programme_id = r.programme_id
	LEFT JOIN ledger.member m ON m.member_id = r.member_id
	LEFT JOIN ledger.redemption d ON d.redemption_id = r.entry_id
	LEFT JOIN points.refusal f ON f.request_no = r.request_no;

CREATE OR REPLACE FUNCTION catalogue.redeem(secret_hash bytea, unique_id text, request_id text, order_id text, stated text,
		OUT code text, OUT reason text, OUT body jsonb, OUT again boolean)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	asked record;
	s catalogue.session;
	ended text;
	c catalogue.setting;
	m ledger.member;
	p ledger.programme;
	first catalogue.shop_order;
	available bigint;
	exact boolean;
	points bigint;
	entry bigint;
	route record;
BEGIN
	again := false;
	SELECT * INTO asked FROM catalogue.session_of(secret_hash, unique_id);
	s := asked.session;
	ended := asked.ended;
	IF s.session_id IS NULL THEN
		code := '401';
		reason := ended;
		RETURN;
	ELSIF stated !~ '^[0-9]{1,18}(\.[0-9]{1,18})?$' THEN
		code := '999';
		reason := 'total_points_redeemed is a number of points';
		RETURN;
	END IF;
	-- as every posting: the member is shared by session_of, then its balance; a twin that held it has written its order, and we see it.
	-- Nobody waits here for who holds it: all other calls would wait, too
	SELECT b.points INTO available FROM ledger.balance b WHERE b.member_id = s.member_id FOR NO KEY UPDATE NOWAIT;
	SELECT * INTO first FROM catalogue.shop_order o WHERE o.programme_id = s.programme_id AND o.order_id = redeem.order_id;
	IF first.order_id IS NOT NULL THEN
		IF first.member_id = s.member_id AND first.stated::numeric = stated::numeric THEN
			code := first.code;
			reason := first.reason;
			again := true;
			body := catalogue.order_answer(code, reason, order_id, first.entry_id);
		ELSE
			PERFORM catalogue.hold_call(s.programme_id, order_id, 'other_amount', stated,
				format('an order of %s points came again with %s, or of another member', first.stated, stated));
			code := '409';
			reason := 'the order is known with other points or of another member: it is held for a person';
			body := catalogue.order_answer(code, reason, order_id, NULL);
		END IF;
		RETURN;
	ELSIF ended IS NOT NULL THEN
		code := '401';
		reason := ended;
		RETURN;
	END IF;
	SELECT * INTO m FROM ledger.member r WHERE r.member_id = s.member_id;
	SELECT * INTO p FROM ledger.programme r WHERE r.programme_id = s.programme_id;
	SELECT * INTO c FROM catalogue.setting r WHERE r.setting_id = s.setting_id;
	exact := stated::numeric = trunc(stated::numeric);
	IF exact THEN
		points := stated::numeric::bigint;
		exact := mod(points::numeric * c.rate_minor, c.rate_points) = 0;
	END IF;
	IF NOT exact THEN
		code := '301';
		reason := 'the points are no whole number of points and minor units: the order is held for a person';
	ELSE
		SELECT w.code, w.message INTO code, reason FROM ledger.refusal_reason(m, p, points) w;
		IF code IS NULL AND available < points THEN
			code := '302';
			reason := 'insufficient points';
		END IF;
	END IF;
	IF code IS NULL THEN
		code := '000';
		entry := nextval(pg_get_serial_sequence('ledger.entry', 'entry_id'));
	END IF;
	INSERT INTO catalogue.shop_order (programme_id, order_id, session_id, member_id, stated, code, reason, entry_id, request_id)
	VALUES (s.programme_id, order_id, s.session_id, s.member_id, stated, code, reason, entry, request_id)
	ON CONFLICT ON CONSTRAINT shop_order_pkey DO NOTHING;
	IF NOT FOUND THEN -- at this moment, for another member
		PERFORM catalogue.hold_call(s.programme_id, order_id, 'other_amount', stated, 'an order came for two members at once');
		code := '409';
		reason := 'the order is known with other points or of another member: it is held for a person';
		body := catalogue.order_answer(code, reason, order_id, NULL);
		RETURN;
	END IF;
	IF NOT exact THEN
		PERFORM catalogue.hold_call(s.programme_id, order_id, 'not_exact', stated,
			format('%s points at %s points for %s minor units', stated, c.rate_points, c.rate_minor));
	ELSIF entry IS NOT NULL THEN
		-- the shop fulfils its orders itself, unless a route names it
		SELECT r.partner, r.prefix INTO route FROM api.route r
		WHERE r.programme_id = s.programme_id AND r.transaction_type = 30 AND r.merchant = lower(c.shop)
			AND r.valid_from <= transaction_timestamp() AND (r.valid_until IS NULL OR r.valid_until > transaction_timestamp())
		ORDER BY r.valid_from DESC, r.route_id DESC LIMIT 1;
		INSERT INTO ledger.entry (entry_id, programme_id, member_id, category, points, partner, merchant, transaction_type, amount, currency,
			outbound_reference, origin)
		VALUES (entry, s.programme_id, s.member_id, 'Debit By Redemption', points, route.partner, c.shop, 30,
			ledger.points_value(points, c.rate_points, c.rate_minor), p.currency,
			CASE WHEN route.partner IS NOT NULL THEN route.prefix || to_char(nextval('api.outbound_reference'), 'FM0000000000') END, 'catalogue');
	END IF;
	body := catalogue.order_answer(code, reason, order_id, entry);
END
$$;

REVOKE ALL ON FUNCTION points.assign_batch(bigint, text, text), points.attention() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION points.close_batches(), points.closes_next(points.partner_now, timestamptz), points.assign_batch(bigint, text, text)
	TO handback_operator;
GRANT EXECUTE ON FUNCTION points.closings(text, text, date[], date[], date, date), points.closes_next(points.partner_now, timestamptz)
	TO handback_finance, handback_verify;
GRANT SELECT ON points.batches, points.unanswered, points.batch, points.sending, points.sending_end, points.batch_step, points.batch_end,
	points.batch_owner, points.batch_owner_now, points.partners, points.sponsors, points.held, points.links, points.proposal, points.proposal_end,
	points.partner, points.sponsor, points.link, points.batch_request, points.waiting TO handback_finance, handback_verify;
-- how things stand is told at night, and counted
GRANT USAGE ON SCHEMA points TO handback_nightly, handback_collector;
GRANT EXECUTE ON FUNCTION points.attention() TO handback_nightly, handback_collector, handback_finance, handback_verify;
