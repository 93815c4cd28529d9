-- Calls that find their member held wait for nobody; a second refund of the same amount is held again; a route has to name the shop.

SET LOCAL ROLE handback_owner;

ALTER TABLE catalogue.hold ADD COLUMN nth integer NOT NULL DEFAULT 1 CHECK (nth > 0);
ALTER TABLE catalogue.hold DROP CONSTRAINT hold_programme_id_order_id_kind_stated_key;
ALTER TABLE catalogue.hold ADD UNIQUE (programme_id, order_id, kind, stated, nth);
COMMENT ON TABLE catalogue.hold IS 'Calls of the shop that were refused and wait for a person; a retry is no second one while it is open; append-only';
COMMENT ON COLUMN catalogue.hold.nth IS 'Which one of the same: another is opened only when those before it are closed';

CREATE OR REPLACE FUNCTION catalogue.hold_call(programme integer, order_id text, kind text, stated text, detail text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	id integer;
	before record;
BEGIN
	SELECT count(*) AS known, count(e.hold_id) AS closed INTO before FROM catalogue.hold h LEFT JOIN catalogue.hold_end e ON e.hold_id = h.hold_id
	WHERE h.programme_id = programme AND h.order_id = hold_call.order_id AND h.kind = hold_call.kind AND h.stated = hold_call.stated;
	IF before.closed < before.known THEN
		RETURN;
	END IF;
	id := nextval('catalogue.hold_hold_id_seq');
	INSERT INTO catalogue.hold (hold_id, programme_id, order_id, kind, stated, detail, event_id, nth)
	VALUES (id, programme, order_id, kind, stated, detail, audit.append_event('catalogue_held', 'catalogue hold ' || id, kind, detail),
		before.closed + 1)
	ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION catalogue.hold_call(integer, text, text, text, text) IS 'Holds what the shop asked for; once, until it is closed';

CREATE INDEX event_token_misused ON audit.event (subject, at) WHERE what = 'token_misused';

CREATE OR REPLACE FUNCTION catalogue.check_token(token_hash bytea, scope text, request_id text, OUT code text, OUT reason text, OUT programme_id integer)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	t catalogue.token;
	subject text;
BEGIN
	SELECT * INTO t FROM catalogue.token_now n WHERE n.token_hash = check_token.token_hash;
	IF NOT FOUND THEN
		code := '401';
		reason := CASE WHEN EXISTS (SELECT FROM catalogue.token k WHERE k.token_hash = check_token.token_hash)
			THEN 'the token has ended: it has to be rotated' ELSE 'the token is none of ours' END;
	ELSIF t.scope <> scope THEN
		code := '403';
		reason := format('the token is for %s, and not for such calls', CASE t.scope WHEN 'sso' THEN 'authentication' ELSE 'the rate' END);
		subject := format('token %s of programme %s', t.scope, t.programme_id);
		-- who has it may use it often: one event tells of a minute
		IF NOT EXISTS (SELECT FROM audit.event e WHERE e.what = 'token_misused' AND e.subject = subject
				AND e.at > clock_timestamp() - interval '1 minute' AND starts_with(e.detail, format('generation %s,', t.generation))) THEN
			PERFORM audit.append_event('token_misused', subject, NULL,
				format('generation %s, used for %s, request %s', t.generation, scope, request_id));
		END IF;
	ELSE
		code := '000';
		programme_id := t.programme_id;
	END IF;
END
$$;

CREATE OR REPLACE FUNCTION catalogue.hand_over(client_id text, generation integer, request_id text, member text, code_hash bytea,
		OUT code text, OUT reason text, OUT address text)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	programme constant integer := api.programme_of(client_id, generation);
	m ledger.member;
	s catalogue.setting_now;
	balance bigint;
BEGIN
	SELECT * INTO m FROM ledger.member r WHERE r.programme_id = programme AND r.relation_reference = member FOR SHARE NOWAIT;
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

CREATE OR REPLACE FUNCTION catalogue.exchange_code(token_hash bytea, request_id text, code_hash bytea, audience text, secret_hash bytea,
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
	SELECT m.status INTO status FROM ledger.member m WHERE m.member_id = s.member_id FOR SHARE NOWAIT;
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

CREATE OR REPLACE FUNCTION catalogue.session_of(secret_hash bytea, unique_id text, OUT session catalogue.session, OUT ended text)
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
	SELECT m.status INTO status FROM ledger.member m WHERE m.member_id = session.member_id FOR SHARE NOWAIT;
	IF ended IS NULL AND status <> 'Active' THEN
		ended := format('member status is %s, not Active', status);
		INSERT INTO catalogue.session_end (session_id, why) VALUES (session.session_id, ended) ON CONFLICT DO NOTHING;
	END IF;
END
$$;

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
			outbound_reference)
		VALUES (entry, s.programme_id, s.member_id, 'Debit By Redemption', points, route.partner, c.shop, 30,
			ledger.points_value(points, c.rate_points, c.rate_minor), p.currency,
			CASE WHEN route.partner IS NOT NULL THEN route.prefix || to_char(nextval('api.outbound_reference'), 'FM0000000000') END);
	END IF;
	body := catalogue.order_answer(code, reason, order_id, entry);
END
$$;

CREATE OR REPLACE FUNCTION catalogue.refund_order(secret_hash bytea, unique_id text, request_id text, order_id text, stated text,
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
	PERFORM FROM ledger.balance b WHERE b.member_id = s.member_id FOR NO KEY UPDATE NOWAIT;
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

CREATE OR REPLACE FUNCTION api.redeem(client_ids text[], generations integer[], request_ids text[], keys text[], body_hashes bytea[],
		members text[], points bigint[], amounts text[], merchants text[], types integer[])
	RETURNS TABLE (n integer, code text, reason text, external_reference uuid, again boolean)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
	SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
	calls constant integer := cardinality(client_ids);
	ids bigint[];
	held bigint[]; -- those of them that nobody else holds
BEGIN
	SELECT array_agg(m.member_id) INTO ids
	FROM unnest(client_ids, generations, members) c (client_id, generation, member)
	JOIN api.credential k ON k.client_id = c.client_id AND k.generation = c.generation
	JOIN ledger.member m ON m.programme_id = k.programme_id AND m.relation_reference = c.member;
	-- shared: a status that changes now waits for us; then the balances, in the order of all postings.  Nobody waits here for who
	-- holds them: all other calls would wait, too
	IF calls = 1 THEN
		PERFORM FROM ledger.member m WHERE m.member_id = ANY (ids) ORDER BY m.member_id FOR SHARE NOWAIT;
		PERFORM FROM ledger.balance b WHERE b.member_id = ANY (ids) ORDER BY b.member_id FOR NO KEY UPDATE NOWAIT;
		held := ids;
	ELSE
		-- a file that posts holds its members to its end: the others do not wait for that
		held := ARRAY(SELECT m.member_id FROM ledger.member m WHERE m.member_id = ANY (ids) ORDER BY m.member_id FOR SHARE SKIP LOCKED);
		held := ARRAY(SELECT b.member_id FROM ledger.balance b WHERE b.member_id = ANY (held) ORDER BY b.member_id
			FOR NO KEY UPDATE SKIP LOCKED);
	END IF;

	-- a statement of its own: a twin that held the balance until now has written its key, and we see it
	RETURN QUERY
	-- no functions of ours for each call: one that fixes its search_path is never inlined, and costs more than the row
	WITH found AS MATERIALIZED (
		SELECT c.n::integer AS n, c.client_id, c.request_id, c.key, c.body_hash, c.points, c.merchant, c.type, p.programme_id,
			m.member_id, m.status, p.currency, b.points AS available, t.transaction_type, r.partner, r.prefix, k.points_per_day,
			q.request_no, q.body_hash AS first_hash, q.code AS first_code, q.reason AS first_reason, q.entry_id AS first_entry,
			p.amount AS amount_policy, p.unrouted, p.key_required, p.minimum_points,
			-- as ledger.points_value
			div(greatest(c.points, 0)::numeric * p.rate_minor, p.rate_points) AS value,
			-- minor units, exactly (ISO 4217)
			CASE WHEN c.amount ~ '^[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$' THEN c.amount::numeric END
				* CASE WHEN p.currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND',
					'VUV', 'XAF', 'XOF', 'XPF') THEN 1
					WHEN p.currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 1000
					WHEN p.currency IN ('CLF', 'UYW') THEN 10000 ELSE 100 END AS minor
		FROM unnest(client_ids, generations, request_ids, keys, body_hashes, members, points, amounts, merchants, types)
			WITH ORDINALITY c (client_id, generation, request_id, key, body_hash, member, points, amount, merchant, type, n)
		LEFT JOIN api.credential_now k ON k.client_id = c.client_id AND k.generation = c.generation AND k.secret_hash IS NOT NULL
		LEFT JOIN ledger.programme p ON p.programme_id = k.programme_id
		LEFT JOIN api.request q ON q.client_id = c.client_id AND q.idempotency_key = c.key
		LEFT JOIN ledger.member m ON m.programme_id = k.programme_id AND m.relation_reference = c.member
		LEFT JOIN ledger.balance b ON b.member_id = m.member_id
		LEFT JOIN ledger.transaction_type t ON t.programme_id = k.programme_id AND t.transaction_type = c.type
		LEFT JOIN LATERAL (SELECT * FROM api.route r
			WHERE r.programme_id = k.programme_id AND r.transaction_type = c.type
				AND (r.merchant IS NULL OR r.merchant = lower(c.merchant)) AND r.valid_from <= transaction_timestamp()
				AND (r.valid_until IS NULL OR r.valid_until > transaction_timestamp())
			ORDER BY r.merchant IS NULL, r.valid_from DESC, r.route_id DESC LIMIT 1) r ON true
	), judged AS MATERIALIZED (
		-- the order of these is the order of the checks
		SELECT f.*, gen_random_uuid() AS new_reference,
			CASE WHEN f.minor = trunc(f.minor) AND f.minor <= 9223372036854775807 THEN f.minor::bigint END AS stated,
			CASE
			WHEN f.programme_id IS NULL THEN '401'
			WHEN f.request_no IS NOT NULL AND f.first_hash <> f.body_hash THEN '409'
			WHEN f.request_no IS NOT NULL THEN f.first_code
			WHEN f.member_id IS NOT NULL AND f.member_id <> ALL (held) THEN 'busy'
			WHEN f.points_per_day IS NOT NULL AND calls > 1 THEN 'alone'
			WHEN f.key_required AND f.key IS NULL THEN 'key'
			WHEN f.minor IS NULL OR f.minor <> trunc(f.minor) OR f.minor > 9223372036854775807 THEN 'digits'
			WHEN f.points <= 0 THEN '120'
			WHEN btrim(f.merchant) = '' THEN '208'
			WHEN f.transaction_type IS NULL THEN 'type'
			WHEN f.member_id IS NULL THEN '103'
			WHEN f.status = 'Cancelled' THEN '113'
			WHEN f.status = 'Suspended' THEN '114'
			WHEN f.status <> 'Active' THEN '107'
			WHEN f.available < f.points THEN '302'
			WHEN f.points < f.minimum_points THEN 'minimum'
			WHEN f.value > 9223372036854775807 THEN 'value'
			WHEN f.amount_policy = 'check' AND f.minor <> f.value THEN 'amount'
			WHEN f.partner IS NULL AND f.unrouted = 'refuse' THEN 'route'
			ELSE '000' END AS word
		FROM found f
	), bounded AS (
		-- at most one: among others such a call is answered "alone"
		INSERT INTO api.usage AS u (client_id, day, points)
		SELECT j.client_id, (transaction_timestamp() AT TIME ZONE 'UTC')::date, j.points FROM judged j
		WHERE j.word = '000' AND j.request_no IS NULL AND j.points_per_day IS NOT NULL AND j.points <= j.points_per_day
		ON CONFLICT (client_id, day) DO UPDATE SET points = u.points + excluded.points
		WHERE u.points + excluded.points <= (SELECT min(j.points_per_day) FROM judged j)
		RETURNING u.client_id
	), posted AS (
		INSERT INTO ledger.entry AS e (programme_id, member_id, category, points, external_reference, partner, merchant,
			transaction_type, amount, currency, outbound_reference)
		SELECT j.programme_id, j.member_id, 'Debit By Redemption', j.points, j.new_reference, j.partner, j.merchant, j.type,
			j.value::bigint, j.currency,
			CASE WHEN j.partner IS NOT NULL THEN j.prefix || to_char(nextval('api.outbound_reference'), 'FM0000000000') END
		FROM judged j
		WHERE j.word = '000' AND j.request_no IS NULL
			AND (j.points_per_day IS NULL OR EXISTS (SELECT FROM bounded))
		RETURNING e.entry_id, e.external_reference
	), answered AS MATERIALIZED (
		SELECT j.*, e.entry_id, coalesce(first.external_reference, e.external_reference) AS reference,
			CASE WHEN j.word = '000' AND j.request_no IS NULL AND e.entry_id IS NULL THEN '429'
				WHEN j.word IN ('key', 'digits', 'type') THEN '999'
				WHEN j.word IN ('minimum', 'value', 'amount', 'route') THEN '301'
				ELSE j.word END AS answer,
			CASE WHEN j.word = '000' AND j.request_no IS NULL AND e.entry_id IS NULL
				THEN 'the day''s points of this credential are used up'
				WHEN j.request_no IS NOT NULL AND j.word NOT IN ('401', '409') THEN j.first_reason
				ELSE CASE j.word
				WHEN '401' THEN 'the credential is not in force'
				WHEN '409' THEN 'the key was used for another request'
				WHEN 'key' THEN 'the programme demands an idempotency key'
				WHEN 'digits' THEN 'the amount is no number of minor units of the currency'
				WHEN '120' THEN 'points must be greater than zero'
				WHEN '208' THEN 'merchant name is missing'
				WHEN 'type' THEN 'the programme has no such transaction type'
				WHEN '103' THEN 'member does not exist'
				WHEN '113' THEN 'member is cancelled'
				WHEN '114' THEN 'member is suspended'
				WHEN '107' THEN 'member status is not Active'
				WHEN '302' THEN 'insufficient points'
				WHEN 'minimum' THEN format('the programme''s minimum is %s points', j.minimum_points)
				WHEN 'value' THEN 'the points are worth more than an amount can be'
				WHEN 'amount' THEN format('the amount is %s in minor units, the points are worth %s', j.stated, j.value)
				WHEN 'route' THEN 'no partner fulfils this type and merchant' END END AS told
		FROM judged j
		LEFT JOIN posted e ON e.external_reference = j.new_reference
		LEFT JOIN ledger.entry first ON first.entry_id = j.first_entry AND j.word = '000'
	), noted AS (
		INSERT INTO api.request (client_id, request_id, idempotency_key, body_hash, code, reason, entry_id, stated_amount)
		SELECT a.client_id, a.request_id, a.key, a.body_hash, a.answer, a.told, a.entry_id, a.stated
		FROM answered a
		-- a refusal is an answer too; what configuration, the day or the token refuses may be asked again
		WHERE a.request_no IS NULL AND (a.entry_id IS NOT NULL
			OR a.key IS NOT NULL AND a.answer NOT IN ('401', '409', '429', '999', 'alone', 'busy'))
	)
	SELECT a.n, a.answer, a.told, a.reference, a.request_no IS NOT NULL AND a.answer NOT IN ('401', '409')
	FROM answered a ORDER BY a.n;
END
$$;

CREATE OR REPLACE FUNCTION api.reverse(client_id text, generation integer, request_id text, key text, body_hash bytea,
		member text, merchant text, redemption uuid, OUT code text, OUT reason text, OUT again boolean)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	programme constant integer := api.programme_of(client_id, generation);
	first api.request;
	debit bigint;
	entry bigint;
BEGIN
	again := false;
	IF programme IS NULL THEN
		code := '401';
		reason := 'the credential is not in force';
		RETURN;
	END IF;
	-- a key that was used before decides; what is not posted needs no taking back
	SELECT * INTO first FROM api.request q WHERE q.client_id = reverse.client_id AND q.idempotency_key = key;
	IF first.request_no IS NOT NULL THEN
		again := first.body_hash = body_hash;
		code := CASE WHEN again THEN first.code ELSE '409' END;
		reason := CASE WHEN again THEN first.reason ELSE 'the key was used for another request' END;
		RETURN;
	END IF;
	SELECT e.entry_id INTO debit FROM ledger.entry e JOIN ledger.member m ON m.member_id = e.member_id
	WHERE e.external_reference = redemption AND e.category = 'Debit By Redemption' AND e.programme_id = programme
		AND m.relation_reference = member AND e.merchant = reverse.merchant;
	IF btrim(merchant) = '' THEN
		code := '208';
		reason := 'merchant name is missing';
	ELSIF NOT EXISTS (SELECT FROM ledger.member m WHERE m.programme_id = programme AND m.relation_reference = member) THEN
		code := '103';
		reason := 'member does not exist';
	ELSIF debit IS NULL THEN
		code := '301';
		reason := 'no such redemption of this member and merchant';
	ELSE
		-- nobody waits here for who holds it: all other calls would wait, too
		PERFORM FROM ledger.balance b JOIN ledger.entry e ON e.member_id = b.member_id WHERE e.entry_id = debit FOR NO KEY UPDATE OF b NOWAIT;
		BEGIN
			SELECT r.entry_id INTO entry
			FROM ledger.post_answers(ARRAY[debit], 'Debit By Redemption', 'Redemption Reversal', 'application') r;
			code := '000';
		EXCEPTION WHEN unique_violation THEN
			-- by this very call, whose answer our own program lost?
			SELECT '000', NULL INTO code, reason FROM ledger.entry r JOIN api.request q ON q.entry_id = r.entry_id
			WHERE r.answers_entry_id = debit AND q.client_id = reverse.client_id AND q.request_id = reverse.request_id
				AND q.body_hash = reverse.body_hash;
			IF NOT FOUND THEN
				SELECT '301', 'the redemption is reversed already' INTO code, reason;
			END IF;
		END;
	END IF;
	-- after the wait for a twin, if there was one: it has written its key, and we see it
	SELECT * INTO first FROM api.request q WHERE q.client_id = reverse.client_id AND q.idempotency_key = key;
	IF first.request_no IS NOT NULL THEN
		IF entry IS NOT NULL THEN -- it was used meanwhile for something else: nothing of this may stand
			RAISE EXCEPTION 'the key was used for another request' USING ERRCODE = 'unique_violation', CONSTRAINT = 'request_key';
		END IF;
		again := first.body_hash = body_hash;
		code := CASE WHEN again THEN first.code ELSE '409' END;
		reason := CASE WHEN again THEN first.reason ELSE 'the key was used for another request' END;
	ELSIF entry IS NOT NULL OR key IS NOT NULL AND code <> '000' THEN
		INSERT INTO api.request (client_id, request_id, idempotency_key, body_hash, code, reason, entry_id)
		VALUES (client_id, request_id, key, body_hash, code, reason, entry);
	END IF;
END
$$;
