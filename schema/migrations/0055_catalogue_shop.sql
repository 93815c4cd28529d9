-- The catalogue's shop: its tokens, sessions that pin a setting, its orders and refunds, and what is held of them.

SET LOCAL ROLE handback_owner;

-- ---- the shop's tokens ----

CREATE TABLE catalogue.token (
	token_hash   bytea   PRIMARY KEY CHECK (length(token_hash) = 32),
	programme_id integer NOT NULL REFERENCES ledger.programme,
	scope        text    NOT NULL CHECK (scope IN ('sso', 'rate')),
	generation   integer NOT NULL CHECK (generation > 0),
	made_at      timestamptz NOT NULL DEFAULT transaction_timestamp(),
	made_by      text    NOT NULL DEFAULT session_user,
	expires_at   timestamptz NOT NULL CHECK (expires_at > made_at),
	UNIQUE (programme_id, scope, generation)
);
CALL handback_schema.make_append_only('catalogue.token');
COMMENT ON TABLE catalogue.token IS 'Tokens of the shop, a row for each generation: the newest is in force, and the one before it; append-only';
COMMENT ON COLUMN catalogue.token.token_hash IS 'SHA-256 of the token, which has 256 random bits and is kept nowhere';
COMMENT ON COLUMN catalogue.token.scope IS 'sso: it exchanges codes, and nothing else. rate: it reads the rate, and nothing else';

CREATE VIEW catalogue.token_now AS
	SELECT t.* FROM catalogue.token t
	WHERE t.expires_at > transaction_timestamp() AND NOT EXISTS (SELECT FROM catalogue.token newer
		WHERE newer.programme_id = t.programme_id AND newer.scope = t.scope AND newer.generation > t.generation + 1);
COMMENT ON VIEW catalogue.token_now IS 'The tokens in force: of each programme and scope two at most, so that a shop changes without a failed call';

CREATE FUNCTION catalogue.rotate_token(programme text, scope text, token_hash bytea, days integer DEFAULT 90) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	p constant ledger.programme := catalogue.programme_of(programme);
	made integer;
BEGIN
	IF scope NOT IN ('sso', 'rate') OR days NOT BETWEEN 1 AND 400 THEN
		RAISE EXCEPTION 'a token is for sso or for rate, and of 1 to 400 days' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT coalesce(max(t.generation), 0) + 1 INTO made FROM catalogue.token t WHERE t.programme_id = p.programme_id AND t.scope = rotate_token.scope;
	INSERT INTO catalogue.token (token_hash, programme_id, scope, generation, expires_at)
	VALUES (token_hash, p.programme_id, scope, made, transaction_timestamp() + make_interval(days => days));
	PERFORM audit.append_event('token_rotated', format('token %s of %s', scope, programme), NULL, 'generation ' || made);
	RETURN made;
END
$$;
COMMENT ON FUNCTION catalogue.rotate_token(text, text, bytea, integer) IS
	'A new generation of a shop''s token; the one before it stays good, older ones end; gives its number';

CREATE VIEW catalogue.tokens AS
	SELECT p.code AS programme, t.scope, t.generation,
		CASE WHEN t.expires_at <= transaction_timestamp() THEN 'expired' WHEN n.token_hash IS NULL THEN 'ended'
			WHEN EXISTS (SELECT FROM catalogue.token newer WHERE newer.programme_id = t.programme_id AND newer.scope = t.scope
				AND newer.generation > t.generation) THEN 'before' ELSE 'in force' END AS state,
		t.made_at, t.made_by, t.expires_at
	FROM catalogue.token t
	JOIN ledger.programme p ON p.programme_id = t.programme_id
	LEFT JOIN catalogue.token_now n ON n.token_hash = t.token_hash;
COMMENT ON VIEW catalogue.tokens IS 'The shop''s tokens, without what they are known by';

-- Is it a token of this scope?  A good one that is for something else is an event: somebody has the wrong one.
CREATE FUNCTION catalogue.check_token(token_hash bytea, scope text, request_id text, OUT code text, OUT reason text, OUT programme_id integer)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	t catalogue.token;
BEGIN
	SELECT * INTO t FROM catalogue.token_now n WHERE n.token_hash = check_token.token_hash;
	IF NOT FOUND THEN
		code := '401';
		reason := CASE WHEN EXISTS (SELECT FROM catalogue.token k WHERE k.token_hash = check_token.token_hash)
			THEN 'the token has ended: it has to be rotated' ELSE 'the token is none of ours' END;
	ELSIF t.scope <> scope THEN
		code := '403';
		reason := format('the token is for %s, and not for such calls', CASE t.scope WHEN 'sso' THEN 'authentication' ELSE 'the rate' END);
		PERFORM audit.append_event('token_misused', format('token %s of programme %s', t.scope, t.programme_id), NULL,
			format('generation %s, used for %s, request %s', t.generation, scope, request_id));
	ELSE
		code := '000';
		programme_id := t.programme_id;
	END IF;
END
$$;
COMMENT ON FUNCTION catalogue.check_token(bytea, text, text) IS 'The programme of a token of this scope; code 401: it is not in force. 403: it is for something else';

-- ---- sessions ----

-- What the shop calls a member: no e-mail address leaves unless the programme permits it.
CREATE TABLE catalogue.shop_member (
	member_id bigint PRIMARY KEY REFERENCES ledger.member,
	unique_id uuid   NOT NULL UNIQUE DEFAULT gen_random_uuid()
);
CALL handback_schema.make_append_only('catalogue.shop_member');
COMMENT ON TABLE catalogue.shop_member IS 'What the shop calls each member that was handed over; append-only';

CREATE TABLE catalogue.session (
	session_id   uuid    PRIMARY KEY DEFAULT gen_random_uuid(),
	setting_id   integer NOT NULL,
	approved     text    NOT NULL GENERATED ALWAYS AS ('approved') STORED,
	programme_id integer NOT NULL,
	member_id    bigint  NOT NULL REFERENCES catalogue.shop_member,
	client_id    text    NOT NULL,
	request_id   text    NOT NULL,
	balance      bigint  NOT NULL CHECK (balance >= 0),
	code_hash    bytea   NOT NULL UNIQUE CHECK (length(code_hash) = 32),
	opened_at    timestamptz NOT NULL DEFAULT transaction_timestamp(),
	code_until   timestamptz NOT NULL CHECK (code_until BETWEEN opened_at AND opened_at + interval '60 seconds'),
	ends_at      timestamptz NOT NULL CHECK (ends_at > code_until),
	FOREIGN KEY (setting_id, approved) REFERENCES catalogue.setting_end (setting_id, how),
	FOREIGN KEY (setting_id, programme_id) REFERENCES catalogue.setting (setting_id, programme_id)
);
CALL handback_schema.make_append_only('catalogue.session');
COMMENT ON TABLE catalogue.session IS 'Each hand-over of a member to the shop; pins the approved setting, and so rate and threshold; append-only';
COMMENT ON COLUMN catalogue.session.approved IS 'Of the foreign key: no session pins what nobody approved';
COMMENT ON COLUMN catalogue.session.code_hash IS 'SHA-256 of the code in the redirect, which is good once, until code_until';
COMMENT ON COLUMN catalogue.session.balance IS 'As it was seen, at least the setting''s minimum';

CREATE TABLE catalogue.exchange (
	session_id   uuid  PRIMARY KEY REFERENCES catalogue.session,
	secret_hash  bytea NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
	exchanged_at timestamptz NOT NULL DEFAULT transaction_timestamp()
);
CALL handback_schema.make_append_only('catalogue.exchange');
COMMENT ON TABLE catalogue.exchange IS 'That a session''s code was exchanged, once; append-only';
COMMENT ON COLUMN catalogue.exchange.secret_hash IS 'SHA-256 of the session''s auth_token, by which the shop calls us';

CREATE TABLE catalogue.session_end (
	session_id uuid PRIMARY KEY REFERENCES catalogue.session,
	why        text NOT NULL CHECK (why ~ '\S'),
	ended_at   timestamptz NOT NULL DEFAULT transaction_timestamp()
);
CALL handback_schema.make_append_only('catalogue.session_end');
COMMENT ON TABLE catalogue.session_end IS 'Sessions that ended before their time: the member was no longer Active; append-only';

-- A member for the shop.  Codes beside 000: 401 the credential is not in force, 403 with the reason, 404 there is no such member.
CREATE FUNCTION catalogue.hand_over(client_id text, generation integer, request_id text, member text, code_hash bytea,
		OUT code text, OUT reason text, OUT address text)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	programme constant integer := api.programme_of(client_id, generation);
	m ledger.member;
	s catalogue.setting_now;
	balance bigint;
BEGIN
	SELECT * INTO m FROM ledger.member r WHERE r.programme_id = programme AND r.relation_reference = member FOR SHARE;
	SELECT b.points INTO balance FROM ledger.balance b WHERE b.member_id = m.member_id;
	SELECT * INTO s FROM catalogue.setting_now n WHERE n.programme_id = programme;
	SELECT v.code, v.reason INTO code, reason FROM (VALUES
		(1, programme IS NULL, '401', 'the credential is not in force'),
		(2, m.member_id IS NULL, '404', 'member does not exist'),
		(3, m.status <> 'Active', '403', format('member status is %s, not Active', m.status)),
		(4, s.setting_id IS NULL OR NOT s.open, '403', 'the catalogue is not open'),
		(5, NOT EXISTS (SELECT FROM catalogue.token_now t WHERE t.programme_id = programme AND t.scope = 'sso'), '403',
			'session error: the SSO Token is not valid or has expired; it has to be rotated'),
		(6, NOT EXISTS (SELECT FROM catalogue.token_now t WHERE t.programme_id = programme AND t.scope = 'rate'), '403',
			'session error: the Redemption Rate Token is stale; it has to be rotated'),
		(7, balance < s.minimum_balance, '403', format('the catalogue opens from a balance of %s points', s.minimum_balance)),
		(8, true, '000', NULL)) v (n, applies, code, reason)
	WHERE v.applies ORDER BY v.n LIMIT 1;
	IF code = '000' THEN
		INSERT INTO catalogue.shop_member (member_id) VALUES (m.member_id) ON CONFLICT DO NOTHING;
		INSERT INTO catalogue.session (setting_id, programme_id, member_id, client_id, request_id, balance, code_hash, code_until, ends_at)
		VALUES (s.setting_id, programme, m.member_id, client_id, request_id, balance, code_hash,
			transaction_timestamp() + interval '60 seconds', transaction_timestamp() + interval '30 minutes');
		address := s.address;
	END IF;
END
$$;
COMMENT ON FUNCTION catalogue.hand_over(text, integer, text, text, bytea) IS
	'Opens a session of the catalogue for a member who may enter it; gives the shop''s address, to which the code is added';

-- For the shop's server: the session of a code, once, for the audience that it was made for.
CREATE FUNCTION catalogue.exchange_code(token_hash bytea, request_id text, code_hash bytea, audience text, secret_hash bytea,
		OUT code text, OUT reason text, OUT body jsonb)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	programme integer;
	s catalogue.session;
	shop catalogue.setting;
	status ledger.member_status;
BEGIN
	SELECT t.code, t.reason, t.programme_id INTO code, reason, programme FROM catalogue.check_token(token_hash, 'sso', request_id) t;
	IF code <> '000' THEN
		RETURN;
	END IF;
	SELECT * INTO s FROM catalogue.session r WHERE r.code_hash = exchange_code.code_hash AND r.programme_id = programme;
	SELECT * INTO shop FROM catalogue.setting r WHERE r.setting_id = s.setting_id;
	SELECT m.status INTO status FROM ledger.member m WHERE m.member_id = s.member_id FOR SHARE;
	SELECT v.code, v.reason INTO code, reason FROM (VALUES
		(1, s.session_id IS NULL, '403', 'there is no such code'),
		(2, audience <> shop.address, '403', 'the code is for another audience'),
		(3, s.code_until <= transaction_timestamp(), '403', 'the code has expired'),
		(4, status <> 'Active', '403', format('member status is %s, not Active', status)),
		(5, true, '000', NULL)) v (n, applies, code, reason)
	WHERE v.applies ORDER BY v.n LIMIT 1;
	IF code <> '000' THEN
		RETURN;
	END IF;
	INSERT INTO catalogue.exchange (session_id, secret_hash) VALUES (s.session_id, secret_hash) ON CONFLICT ON CONSTRAINT exchange_pkey DO NOTHING;
	IF NOT FOUND THEN
		code := '403';
		reason := 'the code was used before';
		RETURN;
	END IF;
	SELECT jsonb_build_object('unique_id', k.unique_id, 'session', s.session_id, 'expires_at', to_char(s.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
	INTO body FROM catalogue.shop_member k WHERE k.member_id = s.member_id;
END
$$;
COMMENT ON FUNCTION catalogue.exchange_code(bytea, text, bytea, text, bytea) IS 'Exchanges a code for a session, exactly once; code 403 with the reason otherwise';

-- The rate of a session, as it was when the session began; of no session: as it is now.
CREATE FUNCTION catalogue.rate_of(token_hash bytea, request_id text, session uuid, OUT code text, OUT reason text, OUT body jsonb)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	programme integer;
	setting integer;
BEGIN
	SELECT t.code, t.reason, t.programme_id INTO code, reason, programme FROM catalogue.check_token(token_hash, 'rate', request_id) t;
	IF code <> '000' THEN
		RETURN;
	END IF;
	IF session IS NOT NULL THEN
		SELECT s.setting_id INTO setting FROM catalogue.session s WHERE s.session_id = session AND s.programme_id = programme;
	ELSE
		SELECT n.setting_id INTO setting FROM catalogue.setting_now n WHERE n.programme_id = programme AND n.open;
	END IF;
	SELECT jsonb_build_object('session', session, 'setting', s.setting_id, 'points', s.rate_points, 'minor_units', s.rate_minor,
		'currency', p.currency, 'minimum_balance', s.minimum_balance) INTO body
	FROM catalogue.setting s JOIN ledger.programme p ON p.programme_id = s.programme_id WHERE s.setting_id = setting;
	IF body IS NULL THEN
		code := '404';
		reason := 'there is no such session, or no rate in force';
	END IF;
END
$$;
COMMENT ON FUNCTION catalogue.rate_of(bytea, text, uuid) IS 'The rate that a session has pinned; without a session the one in force';

-- ---- what the shop asks for ----

CREATE TABLE catalogue.shop_order (
	programme_id integer NOT NULL,
	order_id     text    NOT NULL CHECK (order_id <> '' AND octet_length(order_id) <= 255),
	session_id   uuid    NOT NULL REFERENCES catalogue.exchange,
	member_id    bigint  NOT NULL,
	stated       text    NOT NULL,
	code         text    NOT NULL CHECK (code ~ '^[0-9]{3}$'),
	reason       text,
	entry_id     bigint  UNIQUE,
	request_id   text    NOT NULL,
	asked_at     timestamptz NOT NULL DEFAULT transaction_timestamp(),
	PRIMARY KEY (programme_id, order_id),
	CHECK ((code = '000') = (entry_id IS NOT NULL))
);
CALL handback_schema.make_append_only('catalogue.shop_order');
COMMENT ON TABLE catalogue.shop_order IS 'What each order of the shop was answered, once: the order''s number is its key; append-only';
COMMENT ON COLUMN catalogue.shop_order.stated IS 'The points, as the shop wrote them';
COMMENT ON COLUMN catalogue.shop_order.entry_id IS 'The debit that it posted: ledger.entry';

CREATE TABLE catalogue.refund (
	programme_id integer NOT NULL,
	order_id     text    NOT NULL,
	entry_id     bigint  NOT NULL UNIQUE,
	request_id   text    NOT NULL,
	asked_at     timestamptz NOT NULL DEFAULT transaction_timestamp(),
	PRIMARY KEY (programme_id, order_id),
	FOREIGN KEY (programme_id, order_id) REFERENCES catalogue.shop_order
);
CALL handback_schema.make_append_only('catalogue.refund');
COMMENT ON TABLE catalogue.refund IS 'Orders whose points the shop gave back, all of them, once; append-only';
COMMENT ON COLUMN catalogue.refund.entry_id IS 'The reversal that it posted: ledger.entry';

-- What is never guessed: it was refused, and waits for a person.
CREATE TABLE catalogue.hold (
	hold_id      integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
	programme_id integer NOT NULL,
	order_id     text    NOT NULL,
	kind         text    NOT NULL CHECK (kind IN ('other_amount', 'not_exact', 'partial_refund', 'refund_exceeds')),
	stated       text    NOT NULL,
	detail       text    NOT NULL,
	opened_at    timestamptz NOT NULL DEFAULT transaction_timestamp(),
	event_id     bigint  NOT NULL REFERENCES audit.event,
	UNIQUE (programme_id, order_id, kind, stated)
);
CALL handback_schema.make_append_only('catalogue.hold');
COMMENT ON TABLE catalogue.hold IS 'Calls of the shop that were refused and wait for a person; a retry is no second one; append-only';
COMMENT ON COLUMN catalogue.hold.kind IS 'other_amount: a known order with other points. not_exact: parts of a point, or of a minor unit. The others: a refund of less, or of more';

CREATE TABLE catalogue.hold_end (
	hold_id  integer PRIMARY KEY REFERENCES catalogue.hold,
	why      text    NOT NULL CHECK (why ~ '\S'),
	ended_at timestamptz NOT NULL,
	ended_by text    NOT NULL DEFAULT session_user,
	event_id bigint  NOT NULL REFERENCES audit.event
);
CALL handback_schema.make_append_only('catalogue.hold_end');
COMMENT ON TABLE catalogue.hold_end IS 'Holds of the shop''s calls that a person closed; append-only';

CREATE VIEW catalogue.holds AS
	SELECT h.hold_id, p.code AS programme, h.order_id, h.kind, h.stated, h.detail, h.opened_at, e.ended_at, e.ended_by, e.why
	FROM catalogue.hold h JOIN ledger.programme p ON p.programme_id = h.programme_id LEFT JOIN catalogue.hold_end e ON e.hold_id = h.hold_id;
COMMENT ON VIEW catalogue.holds IS 'What the shop asked for and was refused, for a person to see to';

CREATE FUNCTION catalogue.hold_call(programme integer, order_id text, kind text, stated text, detail text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	id integer;
BEGIN
	IF EXISTS (SELECT FROM catalogue.hold h WHERE h.programme_id = programme AND h.order_id = hold_call.order_id AND h.kind = hold_call.kind
			AND h.stated = hold_call.stated) THEN
		RETURN;
	END IF;
	id := nextval('catalogue.hold_hold_id_seq');
	INSERT INTO catalogue.hold (hold_id, programme_id, order_id, kind, stated, detail, event_id)
	VALUES (id, programme, order_id, kind, stated, detail, audit.append_event('catalogue_held', 'catalogue hold ' || id, kind, detail))
	ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION catalogue.hold_call(integer, text, text, text, text) IS 'Holds what the shop asked for, once';

CREATE FUNCTION catalogue.close_hold(hold integer, why text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	event bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM catalogue.hold h WHERE h.hold_id = hold) THEN
		RAISE EXCEPTION 'no such catalogue hold: %', hold USING ERRCODE = 'no_data_found';
	ELSIF EXISTS (SELECT FROM catalogue.hold_end e WHERE e.hold_id = hold) THEN
		RAISE EXCEPTION 'catalogue hold % is closed', hold USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	event := audit.append_event('catalogue_hold_closed', 'catalogue hold ' || hold, why);
	INSERT INTO catalogue.hold_end (hold_id, why, ended_at, event_id) VALUES (hold, why, audit.event_time(event), event);
	RETURN event;
END
$$;
COMMENT ON FUNCTION catalogue.close_hold(integer, text) IS 'Says that a hold was seen to; moves no points';

-- The session of an auth_token, whether it is over or not; open: the shop may act for the member now.
CREATE FUNCTION catalogue.session_of(secret_hash bytea, unique_id text, OUT session catalogue.session, OUT ended text)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	status ledger.member_status;
BEGIN
	SELECT s.* INTO session FROM catalogue.exchange e JOIN catalogue.session s ON s.session_id = e.session_id
	JOIN catalogue.shop_member k ON k.member_id = s.member_id
	WHERE e.secret_hash = session_of.secret_hash AND k.unique_id::text = lower(session_of.unique_id);
	IF session.session_id IS NULL THEN
		ended := 'there is no such session';
		RETURN;
	END IF;
	SELECT e.why INTO ended FROM catalogue.session_end e WHERE e.session_id = session.session_id;
	IF ended IS NULL AND session.ends_at <= transaction_timestamp() THEN
		ended := 'the session has ended';
	END IF;
	SELECT m.status INTO status FROM ledger.member m WHERE m.member_id = session.member_id FOR SHARE;
	IF ended IS NULL AND status <> 'Active' THEN
		ended := format('member status is %s, not Active', status);
		INSERT INTO catalogue.session_end (session_id, why) VALUES (session.session_id, ended) ON CONFLICT DO NOTHING;
	END IF;
END
$$;
COMMENT ON FUNCTION catalogue.session_of(bytea, text) IS 'The session of an auth_token and its member; ended: why the shop may not act in it, NULL: it may';

CREATE FUNCTION catalogue.balance(secret_hash bytea, unique_id text, OUT code text, OUT reason text, OUT body jsonb)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	asked record;
	s catalogue.session;
BEGIN
	SELECT * INTO asked FROM catalogue.session_of(secret_hash, unique_id);
	s := asked.session;
	reason := asked.ended;
	code := CASE WHEN reason IS NULL THEN '000' ELSE '401' END;
	IF code = '000' THEN
		SELECT jsonb_build_object('status', 1, 'data', jsonb_build_object('unique_id', unique_id, 'points', b.points::text)) INTO body
		FROM ledger.balance b WHERE b.member_id = s.member_id;
	END IF;
END
$$;
COMMENT ON FUNCTION catalogue.balance(bytea, text) IS 'What the member of an open session may redeem now';

CREATE FUNCTION catalogue.profile(secret_hash bytea, unique_id text, OUT code text, OUT reason text, OUT body jsonb)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	asked record;
	s catalogue.session;
BEGIN
	SELECT * INTO asked FROM catalogue.session_of(secret_hash, unique_id);
	s := asked.session;
	reason := asked.ended;
	code := CASE WHEN reason IS NULL THEN '000' ELSE '401' END;
	IF code = '000' THEN
		SELECT jsonb_build_object('status', 1, 'user_data', jsonb_strip_nulls(jsonb_build_object('unique_id', unique_id,
			'member', CASE WHEN 'member' = ANY (c.permitted) THEN m.relation_reference END,
			'member_status', CASE WHEN 'status' = ANY (c.permitted) THEN m.status END,
			'programme', CASE WHEN 'programme' = ANY (c.permitted) THEN p.code END))) INTO body
		FROM ledger.member m JOIN ledger.programme p ON p.programme_id = m.programme_id JOIN catalogue.setting c ON c.setting_id = s.setting_id
		WHERE m.member_id = s.member_id;
	END IF;
END
$$;
COMMENT ON FUNCTION catalogue.profile(bytea, text) IS 'What the shop may know of the member of an open session, by the session''s setting';

-- The answer to an order, as the shop reads it.
CREATE FUNCTION catalogue.order_answer(code text, reason text, order_id text, entry bigint) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('status', (code = '000')::integer, 'code', code, 'message', coalesce(reason, 'Success'), 'order_id', order_id,
		'reference', (SELECT upper(e.external_reference::text) FROM ledger.entry e WHERE e.entry_id = entry)))
$$;
COMMENT ON FUNCTION catalogue.order_answer(text, text, text, bigint) IS 'What the shop is told of an order';

-- Takes the points of an order, once: the order's number is the key.  Exact by the session's rate, or held.
CREATE FUNCTION catalogue.redeem(secret_hash bytea, unique_id text, request_id text, order_id text, stated text,
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
	-- as every posting: the member is shared by session_of, then its balance; a twin that held it has written its order, and we see it
	SELECT b.points INTO available FROM ledger.balance b WHERE b.member_id = s.member_id FOR NO KEY UPDATE;
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
		SELECT r.partner, r.prefix INTO route FROM api.route r
		WHERE r.programme_id = s.programme_id AND r.transaction_type = 30 AND (r.merchant IS NULL OR r.merchant = lower(c.shop))
			AND r.valid_from <= transaction_timestamp() AND (r.valid_until IS NULL OR r.valid_until > transaction_timestamp())
		ORDER BY r.merchant IS NULL, r.valid_from DESC, r.route_id DESC LIMIT 1;
		INSERT INTO ledger.entry (entry_id, programme_id, member_id, category, points, partner, merchant, transaction_type, amount, currency,
			outbound_reference)
		VALUES (entry, s.programme_id, s.member_id, 'Debit By Redemption', points, route.partner, c.shop, 30,
			ledger.points_value(points, c.rate_points, c.rate_minor), p.currency,
			CASE WHEN route.partner IS NOT NULL THEN route.prefix || to_char(nextval('api.outbound_reference'), 'FM0000000000') END);
	END IF;
	body := catalogue.order_answer(code, reason, order_id, entry);
END
$$;
COMMENT ON FUNCTION catalogue.redeem(bytea, text, text, text, text) IS
	'Takes an order''s points, once, by the rate of its session; the same order with other points is refused and held';

-- Gives an order's points back: all of them, once, however late and whatever the member's status.  Any other amount is held.
CREATE FUNCTION catalogue.refund_order(secret_hash bytea, unique_id text, request_id text, order_id text, stated text,
		OUT code text, OUT reason text, OUT body jsonb, OUT again boolean)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	s catalogue.session;
	o catalogue.shop_order;
	debit ledger.entry;
	reversal bigint;
BEGIN
	again := false;
	SELECT r.* INTO s FROM catalogue.exchange e JOIN catalogue.session r ON r.session_id = e.session_id
	JOIN catalogue.shop_member k ON k.member_id = r.member_id
	WHERE e.secret_hash = refund_order.secret_hash AND k.unique_id::text = lower(refund_order.unique_id);
	IF s.session_id IS NULL THEN
		code := '401';
		reason := 'there is no such session';
		RETURN;
	ELSIF stated !~ '^[0-9]{1,18}(\.[0-9]{1,18})?$' THEN
		code := '999';
		reason := 'redemption_amount is a number of points';
		RETURN;
	END IF;
	PERFORM FROM ledger.balance b WHERE b.member_id = s.member_id FOR NO KEY UPDATE;
	SELECT * INTO o FROM catalogue.shop_order r
	WHERE r.programme_id = s.programme_id AND r.order_id = refund_order.order_id AND r.member_id = s.member_id;
	IF o.order_id IS NULL THEN
		code := '404';
		reason := 'there is no such order of this member';
		RETURN;
	END IF;
	SELECT * INTO debit FROM ledger.entry e WHERE e.entry_id = o.entry_id;
	IF debit.entry_id IS NULL THEN
		code := '301';
		reason := 'the order took no points';
	ELSIF stated::numeric <> debit.points THEN
		PERFORM catalogue.hold_call(s.programme_id, order_id, CASE WHEN stated::numeric < debit.points THEN 'partial_refund' ELSE 'refund_exceeds' END,
			stated, format('a refund of %s points for an order of %s', stated, debit.points));
		code := '301';
		reason := format('the order took %s points, which are given back as a whole: the refund is held for a person', debit.points);
	ELSIF EXISTS (SELECT FROM catalogue.refund r WHERE r.programme_id = s.programme_id AND r.order_id = refund_order.order_id) THEN
		code := '000';
		again := true;
	ELSE
		BEGIN
			SELECT r.entry_id INTO reversal
			FROM ledger.post_answers(ARRAY[debit.entry_id], 'Debit By Redemption', 'Redemption Reversal', 'application') r;
			INSERT INTO catalogue.refund (programme_id, order_id, entry_id, request_id) VALUES (s.programme_id, order_id, reversal, request_id);
			code := '000';
		EXCEPTION WHEN unique_violation THEN
			code := '301';
			reason := 'the redemption is reversed already';
		END;
	END IF;
	body := jsonb_build_object('status', (code = '000')::integer, 'code', code, 'message', coalesce(reason, 'Success'),
		'data', jsonb_build_object('order_id', order_id, 'points', CASE WHEN code = '000' THEN debit.points::text ELSE '0' END));
END
$$;
COMMENT ON FUNCTION catalogue.refund_order(bytea, text, text, text, text) IS
	'Gives the full points of an order back, once; less or more than it took is held, and moves nothing';

REVOKE ALL ON FUNCTION catalogue.rotate_token(text, text, bytea, integer), catalogue.check_token(bytea, text, text),
	catalogue.hand_over(text, integer, text, text, bytea), catalogue.exchange_code(bytea, text, bytea, text, bytea),
	catalogue.rate_of(bytea, text, uuid), catalogue.hold_call(integer, text, text, text, text), catalogue.close_hold(integer, text),
	catalogue.session_of(bytea, text), catalogue.balance(bytea, text), catalogue.profile(bytea, text),
	catalogue.order_answer(text, text, text, bigint), catalogue.redeem(bytea, text, text, text, text),
	catalogue.refund_order(bytea, text, text, text, text) FROM PUBLIC;
GRANT USAGE ON SCHEMA catalogue TO handback_api;
GRANT EXECUTE ON FUNCTION catalogue.hand_over(text, integer, text, text, bytea), catalogue.exchange_code(bytea, text, bytea, text, bytea),
	catalogue.rate_of(bytea, text, uuid), catalogue.balance(bytea, text), catalogue.profile(bytea, text),
	catalogue.redeem(bytea, text, text, text, text), catalogue.refund_order(bytea, text, text, text, text) TO handback_api;
GRANT EXECUTE ON FUNCTION catalogue.rotate_token(text, text, bytea, integer), catalogue.close_hold(integer, text) TO handback_operator;
GRANT SELECT ON catalogue.tokens, catalogue.holds, catalogue.session, catalogue.session_end, catalogue.shop_order, catalogue.refund
	TO handback_finance, handback_verify;
