-- What became of a voucher: the shop's webhooks, signed and known by their number.  One that is not fulfilled gives its points back.

SET LOCAL ROLE handback_owner;

ALTER TABLE catalogue.hold DROP CONSTRAINT hold_kind_check;
ALTER TABLE catalogue.hold ADD CONSTRAINT hold_kind_check
	CHECK (kind IN ('other_amount', 'not_exact', 'partial_refund', 'refund_exceeds', 'contradiction'));
COMMENT ON COLUMN catalogue.hold.kind IS 'other_amount: a known order with other points. not_exact: parts of a point, or of a minor unit. contradiction: a voucher that is delivered and canceled, or delivered and given back. The others: a refund of less, or of more';

-- All points of an order, back to its member, once.  The member's balance is held by the caller.
CREATE FUNCTION catalogue.give_back(programme integer, order_id text, entry bigint, request_id text, OUT code text, OUT reason text, OUT again boolean)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	reversal bigint;
BEGIN
	code := '000';
	again := EXISTS (SELECT FROM catalogue.refund r WHERE r.programme_id = programme AND r.order_id = give_back.order_id);
	IF NOT again THEN
		SELECT r.entry_id INTO reversal
		FROM ledger.post_answers(ARRAY[entry], 'Debit By Redemption', 'Redemption Reversal', 'application') r;
		INSERT INTO catalogue.refund (programme_id, order_id, entry_id, request_id) VALUES (programme, order_id, reversal, request_id);
	END IF;
EXCEPTION WHEN unique_violation THEN
	code := '301';
	reason := 'the redemption is reversed already';
END
$$;
COMMENT ON FUNCTION catalogue.give_back(integer, text, bigint, text) IS 'Posts the reversal of an order, once; again: the shop had it before';

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
	ELSE
		SELECT g.code, g.reason, g.again INTO code, reason, again FROM catalogue.give_back(s.programme_id, order_id, debit.entry_id, request_id) g;
	END IF;
	body := jsonb_build_object('status', (code = '000')::integer, 'code', code, 'message', coalesce(reason, 'Success'),
		'data', jsonb_build_object('order_id', order_id, 'points', CASE WHEN code = '000' THEN debit.points::text ELSE '0' END));
END
$$;
COMMENT ON FUNCTION catalogue.refund_order(bytea, text, text, text, text) IS
	'Gives the full points of an order back, once; less or more than it took is held, and moves nothing';

-- ---- what became of the vouchers: the shop's webhooks ----

CREATE TABLE catalogue.delivery_key (
	programme_id integer NOT NULL REFERENCES ledger.programme,
	generation   integer NOT NULL CHECK (generation > 0),
	public_key   bytea   NOT NULL CHECK (length(public_key) = 32),
	made_at      timestamptz NOT NULL DEFAULT transaction_timestamp(),
	made_by      text    NOT NULL DEFAULT session_user,
	PRIMARY KEY (programme_id, generation)
);
CALL handback_schema.make_append_only('catalogue.delivery_key');
COMMENT ON TABLE catalogue.delivery_key IS 'Public keys (Ed25519) of the shop: the newest two are good for its webhooks. We hold nothing with which one could be forged; append-only';

CREATE TABLE catalogue.delivery (
	programme_id integer NOT NULL,
	delivery_id  text    NOT NULL CHECK (delivery_id <> '' AND octet_length(delivery_id) <= 255),
	order_id     text    NOT NULL,
	status       text    NOT NULL CHECK (status IN ('pending', 'delivered', 'canceled')),
	code         text    NOT NULL CHECK (code ~ '^[0-9]{3}$'),
	reason       text,
	request_id   text    NOT NULL,
	told_at      timestamptz NOT NULL DEFAULT transaction_timestamp(),
	PRIMARY KEY (programme_id, delivery_id),
	FOREIGN KEY (programme_id, order_id) REFERENCES catalogue.shop_order
);
CREATE INDEX delivery_order ON catalogue.delivery (programme_id, order_id);
CALL handback_schema.make_append_only('catalogue.delivery');
COMMENT ON TABLE catalogue.delivery IS 'What the shop said became of an order''s voucher, once for each webhook: its number is the key; append-only';

CREATE FUNCTION catalogue.add_delivery_key(programme text, public_key bytea) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	p constant ledger.programme := catalogue.programme_of(programme);
	made integer;
BEGIN
	SELECT coalesce(max(k.generation), 0) + 1 INTO made FROM catalogue.delivery_key k WHERE k.programme_id = p.programme_id;
	INSERT INTO catalogue.delivery_key (programme_id, generation, public_key) VALUES (p.programme_id, made, public_key);
	PERFORM audit.append_event('token_rotated', format('token delivery of %s', programme), NULL,
		format('generation %s, SHA-256 of the key %s', made, encode(sha256(public_key), 'hex')));
	RETURN made;
END
$$;
COMMENT ON FUNCTION catalogue.add_delivery_key(text, bytea) IS 'A new public key of the shop''s webhooks; the one before it stays good; gives its number';

CREATE FUNCTION catalogue.delivery_keys(programme text) RETURNS SETOF bytea
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT k.public_key FROM catalogue.delivery_key k JOIN ledger.programme p ON p.programme_id = k.programme_id
	WHERE p.code = programme ORDER BY k.generation DESC LIMIT 2
$$;
COMMENT ON FUNCTION catalogue.delivery_keys(text) IS 'The keys whose signature under a webhook is the shop''s: the newest, and the one before it';

-- A webhook whose signature is the shop's.  code 404: there is no such order (yet); 409: its number was used for something else.
CREATE FUNCTION catalogue.deliver(programme text, request_id text, delivery_id text, said text, OUT code text, OUT reason text, OUT body jsonb,
		OUT again boolean)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	p constant ledger.programme := catalogue.programme_of(programme);
	data constant jsonb := said::jsonb -> 'data';
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
			WHEN status = 'delivered' AND EXISTS (SELECT FROM ledger.entry e WHERE e.answers_entry_id = o.entry_id)
				THEN 'delivered after its points were given back' END INTO before;
		code := '000';
		IF before IS NOT NULL THEN
			PERFORM catalogue.hold_call(p.programme_id, order_id, 'contradiction', status, before);
			code := '301';
			reason := format('the voucher is %s: it is held for a person', before);
		ELSIF status = 'canceled' THEN
			SELECT * INTO given FROM catalogue.give_back(p.programme_id, order_id, o.entry_id, request_id);
			reason := given.reason; -- nothing is left to do where it was reversed on another way
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

REVOKE ALL ON FUNCTION catalogue.add_delivery_key(text, bytea), catalogue.delivery_keys(text), catalogue.give_back(integer, text, bigint, text),
	catalogue.deliver(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalogue.delivery_keys(text), catalogue.deliver(text, text, text, text) TO handback_api;
GRANT EXECUTE ON FUNCTION catalogue.add_delivery_key(text, bytea) TO handback_operator;
GRANT SELECT ON catalogue.delivery, catalogue.delivery_key TO handback_finance, handback_verify;
-- whoever watches that a token does not end unseen
GRANT USAGE ON SCHEMA catalogue TO handback_collector, handback_nightly;
GRANT SELECT ON catalogue.tokens TO handback_collector, handback_nightly;
