-- What an attacker found of the catalogue: a voucher that is canceled after its points were given back and taken again is held, instead of
-- told to be done; an order's number of another shop is another order; what a proposal does not name is as it is when that begins.

SET LOCAL ROLE handback_owner;

-- NULL: as it is when the proposal begins; what is approved for later stays for later.  Validity is each proposal's own.
CREATE OR REPLACE FUNCTION catalogue.propose(programme text, why text, points bigint, units bigint, minimum_balance bigint, shop text, address text,
		permitted text[], valid_from timestamptz, valid_until timestamptz) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	p constant ledger.programme := catalogue.programme_of(programme);
	last catalogue.setting;
	newest integer;
	id constant integer := nextval('catalogue.setting_setting_id_seq');
	event bigint;
BEGIN
	SELECT max(e.setting_id) INTO newest FROM catalogue.setting_end e WHERE e.programme_id = p.programme_id AND e.how = 'approved';
	SELECT s.* INTO last FROM catalogue.setting s JOIN catalogue.setting_end e ON e.setting_id = s.setting_id AND e.how = 'approved'
	WHERE s.programme_id = p.programme_id AND s.valid_from <= coalesce(propose.valid_from, transaction_timestamp())
	ORDER BY s.setting_id DESC LIMIT 1;
	IF points IS NOT NULL THEN
		last.rate_points := points;
		last.rate_minor := units * catalogue.minor_units(p.currency);
	END IF;
	last.minimum_balance := coalesce(minimum_balance, last.minimum_balance);
	last.shop := coalesce(shop, last.shop);
	last.address := coalesce(address, last.address);
	IF last.rate_points IS NULL OR last.minimum_balance IS NULL OR last.shop IS NULL OR last.address IS NULL THEN
		RAISE EXCEPTION 'the first setting of a catalogue needs a rate, a minimum balance, a shop and its address'
			USING ERRCODE = 'not_null_violation';
	END IF;
	event := audit.append_event('catalogue_proposed', 'catalogue setting ' || id, why,
		format('programme %s, %s points for %s minor units of %s, from a balance of %s', programme, last.rate_points, last.rate_minor,
			p.currency, last.minimum_balance));
	INSERT INTO catalogue.setting (setting_id, programme_id, replaces, rate_points, rate_minor, minimum_balance, shop, address, permitted,
		valid_from, valid_until, why, proposed_at, event_id)
	VALUES (id, p.programme_id, newest, last.rate_points, last.rate_minor, last.minimum_balance, last.shop, last.address,
		coalesce(permitted, last.permitted, '{}'), coalesce(valid_from, audit.event_time(event)), valid_until, why, audit.event_time(event),
		event);
	RETURN id;
END
$$;
COMMENT ON FUNCTION catalogue.propose(text, text, bigint, bigint, bigint, text, text, text[], timestamptz, timestamptz) IS
	'Proposes settings of a programme''s catalogue; gives their number, which another person approves';

-- Takes the points of an order, once: the order's number is the key.  Exact by the session's rate, or held.
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
	SELECT * INTO c FROM catalogue.setting r WHERE r.setting_id = s.setting_id;
	SELECT * INTO first FROM catalogue.shop_order o WHERE o.programme_id = s.programme_id AND o.order_id = redeem.order_id;
	IF first.order_id IS NOT NULL THEN
		-- two shops, one after the other, may have numbers in common
		IF first.member_id = s.member_id AND first.stated::numeric = stated::numeric AND c.shop = (SELECT k.shop FROM catalogue.session r
				JOIN catalogue.setting k ON k.setting_id = r.setting_id WHERE r.session_id = first.session_id) THEN
			code := first.code;
			reason := first.reason;
			again := true;
			body := catalogue.order_answer(code, reason, order_id, first.entry_id);
		ELSE
			PERFORM catalogue.hold_call(s.programme_id, order_id, 'other_amount', stated,
				format('an order of %s points came again with %s, or of another member or shop', first.stated, stated));
			code := '409';
			reason := 'the order is known with other points, or of another member or shop: it is held for a person';
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
		ELSIF code IS NULL AND div(points::numeric * c.rate_minor, c.rate_points) > 9223372036854775807 THEN
			code := '301';
			reason := 'the points are worth more than an amount can be';
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
COMMENT ON FUNCTION catalogue.redeem(bytea, text, text, text, text) IS
	'Takes an order''s points, once, by the rate of its session; the same order with other points is refused and held';

-- All points of an order, back to its member, once.  The member's balance is held by the caller.
CREATE OR REPLACE FUNCTION catalogue.give_back(programme integer, order_id text, entry bigint, request_id text, OUT code text, OUT reason text, OUT again boolean)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	reversal bigint;
BEGIN
	code := '000';
	again := EXISTS (SELECT FROM catalogue.refund r WHERE r.programme_id = programme AND r.order_id = give_back.order_id);
	IF handback.redemption_state(entry) = 'reinstated' THEN -- they are with the member no more, and there is no second reversal
		PERFORM catalogue.hold_call(programme, order_id, 'contradiction', 'canceled', 'canceled after its points were given back and taken again');
		again := false;
		code := '409';
		reason := 'the points were given back and taken again since: it is held for a person';
	ELSIF NOT again THEN
		SELECT r.entry_id INTO reversal
		FROM ledger.post_answers(ARRAY[entry], 'Debit By Redemption', 'Redemption Reversal', 'application') r;
		INSERT INTO catalogue.refund (programme_id, order_id, entry_id, request_id) VALUES (programme, order_id, reversal, request_id);
	END IF;
EXCEPTION WHEN unique_violation THEN
	code := '301';
	reason := 'the redemption is reversed already';
END
$$;
COMMENT ON FUNCTION catalogue.give_back(integer, text, bigint, text) IS
	'Posts the reversal of an order, once; again: the shop had it before. Code 409: its points were taken again since, and it is held';

-- Gives an order's points back: all of them, once, however late and whatever the member's status.  Any other amount is held.
CREATE OR REPLACE FUNCTION catalogue.refund_order(secret_hash bytea, unique_id text, request_id text, order_id text, stated text,
		OUT code text, OUT reason text, OUT body jsonb, OUT again boolean)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	s catalogue.session;
	o catalogue.shop_order;
	debit ledger.entry;
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
	SELECT * INTO debit FROM ledger.entry e WHERE e.entry_id = o.entry_id;
	IF o.order_id IS NULL OR debit.merchant <> (SELECT c.shop FROM catalogue.setting c WHERE c.setting_id = s.setting_id) THEN
		code := '404';
		reason := 'there is no such order of this member and shop';
		RETURN;
	END IF;
	IF debit.entry_id IS NULL THEN
		code := '301';
		reason := 'the order took no points';
	ELSIF stated::numeric <> debit.points THEN
		PERFORM catalogue.hold_call(s.programme_id, order_id, CASE WHEN stated::numeric < debit.points THEN 'partial_refund' ELSE 'refund_exceeds' END,
			stated, format('a refund of %s points for an order of %s', stated, debit.points));
		code := '301';
		reason := format('the order took %s points, which are given back as a whole: the refund is held for a person', debit.points);
	ELSE
		SELECT CASE g.code WHEN '409' THEN '301' ELSE g.code END, g.reason, g.again INTO code, reason, again
		FROM catalogue.give_back(s.programme_id, order_id, debit.entry_id, request_id) g;
	END IF;
	body := jsonb_build_object('status', (code = '000')::integer, 'code', code, 'message', coalesce(reason, 'Success'),
		'data', jsonb_build_object('order_id', order_id, 'points', CASE WHEN code = '000' THEN debit.points::text ELSE '0' END));
END
$$;
COMMENT ON FUNCTION catalogue.refund_order(bytea, text, text, text, text) IS
	'Gives the full points of an order back, once; less or more than it took is held, and moves nothing';

-- A webhook whose signature is the shop's.  code 404: there is no such order (yet); 409: its number was used for something else.
CREATE OR REPLACE FUNCTION catalogue.deliver(programme text, request_id text, delivery_id text, said text, OUT code text, OUT reason text, OUT body jsonb,
		OUT again boolean)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	p constant ledger.programme := catalogue.programme_of(programme);
	data constant json := said::json -> 'data'; -- what else it says is not looked at: a number may be one that jsonb cannot hold
	order_id constant text := data ->> 'orderId';
	status constant text := CASE lower(data ->> 'deliveryStatus') WHEN 'cancelled' THEN 'canceled' ELSE lower(data ->> 'deliveryStatus') END;
	o catalogue.shop_order;
	first catalogue.delivery;
	given record;
	before text;
BEGIN
	again := false;
	IF order_id IS NULL OR status IS NULL OR status NOT IN ('pending', 'delivered', 'canceled') THEN
		code := '999';
		reason := 'data has an orderId, and a deliveryStatus: pending, delivered or canceled';
		RETURN;
	END IF;
	SELECT * INTO o FROM catalogue.shop_order r WHERE r.programme_id = p.programme_id AND r.order_id = order_id AND r.entry_id IS NOT NULL;
	IF o.order_id IS NULL THEN
		code := '404';
		reason := 'there is no such order that took points';
		RETURN;
	END IF;
	-- as every posting; a twin that held it has written its delivery, and we see it
	PERFORM FROM ledger.balance b WHERE b.member_id = o.member_id FOR NO KEY UPDATE NOWAIT;
	SELECT * INTO first FROM catalogue.delivery d WHERE d.programme_id = p.programme_id AND d.delivery_id = deliver.delivery_id;
	IF first.delivery_id IS NOT NULL THEN
		again := first.order_id = order_id AND first.status = status;
		code := CASE WHEN again THEN first.code ELSE '409' END;
		reason := CASE WHEN again THEN first.reason ELSE 'the webhook''s number was used for something else' END;
	ELSE
		SELECT CASE
			WHEN status = 'canceled' AND EXISTS (SELECT FROM catalogue.delivery d WHERE d.programme_id = p.programme_id
				AND d.order_id = order_id AND d.status = 'delivered') THEN 'canceled after it was delivered'
			WHEN status = 'delivered' AND handback.redemption_state(o.entry_id) = 'reversed' THEN 'delivered after its points were given back' END INTO before;
		code := '000';
		IF before IS NOT NULL THEN
			PERFORM catalogue.hold_call(p.programme_id, order_id, 'contradiction', status, before);
			code := '301';
			reason := format('the voucher is %s: it is held for a person', before);
		ELSIF status = 'canceled' THEN
			SELECT * INTO given FROM catalogue.give_back(p.programme_id, order_id, o.entry_id, request_id);
			reason := given.reason;
			code := CASE given.code WHEN '409' THEN '301' ELSE '000' END; -- nothing is left to do where it was reversed on another way
		END IF;
		INSERT INTO catalogue.delivery (programme_id, delivery_id, order_id, status, code, reason, request_id)
		VALUES (p.programme_id, delivery_id, order_id, status, code, reason, request_id)
		ON CONFLICT ON CONSTRAINT delivery_pkey DO NOTHING;
		IF NOT FOUND THEN -- at this moment, of an order of another member: nothing of this may stand
			RAISE EXCEPTION 'the webhook''s number is used by another at this moment' USING ERRCODE = 'lock_not_available';
		END IF;
	END IF;
	body := jsonb_strip_nulls(jsonb_build_object('status', (code = '000')::integer, 'code', code, 'message', coalesce(reason, 'Success'),
		'order_id', order_id));
END
$$;
COMMENT ON FUNCTION catalogue.deliver(text, text, text, text) IS
	'Notes what became of an order''s voucher, once for each webhook; one that is not fulfilled gives all points back';
