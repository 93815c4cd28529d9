-- The contract's codes for a merchant that is none and a transaction type that a programme has not, whoever asks.

SET LOCAL ROLE handback_owner;

CREATE OR REPLACE FUNCTION ledger.redeem_points(programme text, member text, points bigint, merchant text,
		transaction_type integer, partner text DEFAULT NULL, outbound_reference text DEFAULT NULL,
		partner_reference text DEFAULT NULL,
		OUT code text, OUT message text, OUT external_reference uuid, OUT amount bigint, OUT currency text)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	p ledger.programme;
	m ledger.member;
	available bigint;
BEGIN
	SELECT * INTO p FROM ledger.programme r WHERE r.code = redeem_points.programme;
	IF NOT FOUND OR coalesce(member, '') = '' OR points IS NULL OR transaction_type IS NULL THEN
		SELECT '999', 'bad request: programme, member, points and transaction type are needed' INTO code, message;
		RETURN;
	END IF;
	-- of the gate's length, and nothing that a line of a file or a page cannot show
	IF redeem_points.merchant IS NULL OR redeem_points.merchant !~ '\S' OR redeem_points.merchant ~ '[[:cntrl:]]'
			OR octet_length(redeem_points.merchant) > 200 THEN
		SELECT '208', 'merchant name is missing, or longer than 200 bytes' INTO code, message;
		RETURN;
	END IF;
	IF NOT EXISTS (SELECT FROM ledger.transaction_type t
			WHERE t.programme_id = p.programme_id AND t.transaction_type = redeem_points.transaction_type) THEN
		SELECT '999', 'bad request: the programme has no such transaction type' INTO code, message;
		RETURN;
	END IF;
	-- shared: a status that changes now waits for us, or we for it
	SELECT * INTO m FROM ledger.member r
	WHERE r.programme_id = p.programme_id AND r.relation_reference = member FOR SHARE;
	SELECT w.code, w.message INTO code, message FROM ledger.refusal_reason(m, p, redeem_points.points) w;
	IF code IS NOT NULL THEN
		RETURN;
	END IF;
	SELECT b.points INTO available FROM ledger.balance b WHERE b.member_id = m.member_id FOR NO KEY UPDATE;
	IF available < redeem_points.points THEN
		SELECT '302', 'insufficient points' INTO code, message;
		RETURN;
	END IF;
	INSERT INTO ledger.entry AS e (programme_id, member_id, category, points, partner, merchant, transaction_type,
		amount, currency, outbound_reference, partner_reference)
	VALUES (p.programme_id, m.member_id, 'Debit By Redemption', redeem_points.points, redeem_points.partner,
		redeem_points.merchant, redeem_points.transaction_type,
		ledger.points_value(redeem_points.points, p.rate_points, p.rate_minor), p.currency,
		redeem_points.outbound_reference, redeem_points.partner_reference)
	RETURNING '000', 'success', e.external_reference, e.amount, e.currency
	INTO code, message, external_reference, amount, currency;
EXCEPTION
	WHEN transaction_rollback OR lock_not_available OR operator_intervention OR insufficient_resources THEN
		RAISE;
	WHEN OTHERS THEN
		SELECT '997', format('exception: %s', SQLSTATE), NULL, NULL, NULL
		INTO code, message, external_reference, amount, currency;
END
$$;

CREATE OR REPLACE FUNCTION ledger.reversal_points(programme text, member text, merchant text, redemption uuid,
		OUT code text, OUT message text, OUT external_reference uuid, OUT points bigint)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	m bigint;
	d ledger.entry;
BEGIN
	IF coalesce(programme, '') = '' OR coalesce(member, '') = '' OR redemption IS NULL THEN
		SELECT '999', 'bad request: programme, member and redemption are needed' INTO code, message;
		RETURN;
	END IF;
	IF reversal_points.merchant IS NULL OR reversal_points.merchant !~ '\S' THEN
		SELECT '208', 'merchant name is missing' INTO code, message;
		RETURN;
	END IF;
	SELECT r.member_id INTO m FROM ledger.member r JOIN ledger.programme p ON p.programme_id = r.programme_id
	WHERE p.code = reversal_points.programme AND r.relation_reference = member;
	IF NOT FOUND THEN
		SELECT '103', 'member does not exist' INTO code, message;
		RETURN;
	END IF;
	SELECT * INTO d FROM ledger.entry e
	WHERE e.external_reference = redemption AND e.category = 'Debit By Redemption' AND e.member_id = m
		AND e.merchant = reversal_points.merchant;
	IF NOT FOUND THEN
		SELECT '301', 'failed to redeem: no such redemption of this member and merchant' INTO code, message;
		RETURN;
	END IF;
	BEGIN
		SELECT '000', 'success', r.external_reference, d.points INTO code, message, external_reference, points
		FROM ledger.post_answers(ARRAY[d.entry_id], 'Debit By Redemption', 'Redemption Reversal', 'application') r;
	EXCEPTION WHEN unique_violation THEN
		SELECT '301', 'failed to redeem: the redemption is reversed already', r.external_reference, r.points
		INTO code, message, external_reference, points
		FROM ledger.reversal r WHERE r.redemption_id = d.entry_id;
		IF code IS NULL THEN
			SELECT '301', 'failed to redeem: the partner was asked for it, and only its answer gives the points back' INTO code, message;
		END IF;
	END;
EXCEPTION
	WHEN transaction_rollback OR lock_not_available OR operator_intervention OR insufficient_resources THEN
		RAISE;
	WHEN OTHERS THEN
		SELECT '997', format('exception: %s', SQLSTATE), NULL, NULL INTO code, message, external_reference, points;
END
$$;
