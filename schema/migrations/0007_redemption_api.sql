-- What an application calls to redeem points and to take a redemption back, on
-- the reference ledger: the contract of a RedeemPoints API. Each answers with
-- one row, whose code is
--
--     000  success
--     103  member does not exist
--     107  member status is not Active
--     113  member is cancelled
--     114  member is suspended
--     120  points must be greater than zero
--     208  merchant name is missing
--     301  failed to redeem: the message says why
--     302  insufficient points
--     997  exception
--     999  bad request
--
-- There is no partial redemption and no partial reversal. What a retry can
-- cure (a deadlock, a lock not had in time) is raised, not answered.

SET LOCAL ROLE handback_owner;

-- The value of the points, in minor units, rounded down: never more than the rate says.
CREATE FUNCTION ledger.points_value(points bigint, rate_points bigint, rate_minor bigint) RETURNS bigint
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT div(points::numeric * rate_minor, rate_points)::bigint
$$;
COMMENT ON FUNCTION ledger.points_value(bigint, bigint, bigint) IS 'Minor units for points at a programme''s rate, rounded down';

-- The checks that a redemption and a question about one share; NULL when nothing is against it.
-- Takes the member as found, with its programme; not found: NULLs.
CREATE FUNCTION ledger.refusal_reason(m ledger.member, p ledger.programme, points bigint,
		OUT code text, OUT message text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT v.code, v.message
	FROM (VALUES
		(1, points <= 0, '120', 'points must be greater than zero'),
		(2, m.member_id IS NULL, '103', 'member does not exist'),
		(3, m.status = 'Cancelled', '113', 'member is cancelled'),
		(4, m.status = 'Suspended', '114', 'member is suspended'),
		(5, m.status <> 'Active', '107', 'member status is not Active'),
		(6, points < p.minimum_points, '301', format('failed to redeem: the programme''s minimum is %s points',
			p.minimum_points))
	) AS v (n, applies, code, message)
	WHERE v.applies
	ORDER BY v.n
	LIMIT 1
$$;

CREATE FUNCTION ledger.check_availability(programme text, member text, points bigint,
		OUT code text, OUT message text, OUT available bigint, OUT amount bigint, OUT currency text)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	p ledger.programme;
	m ledger.member;
BEGIN
	SELECT * INTO p FROM ledger.programme r WHERE r.code = check_availability.programme;
	IF NOT FOUND OR coalesce(member, '') = '' OR points IS NULL THEN
		SELECT '999', 'bad request: programme, member and points are needed' INTO code, message;
		RETURN;
	END IF;
	SELECT * INTO m FROM ledger.member r WHERE r.programme_id = p.programme_id AND r.relation_reference = member;
	SELECT w.code, w.message INTO code, message FROM ledger.refusal_reason(m, p, check_availability.points) w;
	IF code IN ('103', '120') THEN
		RETURN;
	END IF;
	SELECT b.points, p.currency INTO available, currency FROM ledger.balance b WHERE b.member_id = m.member_id;
	IF code IS NULL AND available < check_availability.points THEN
		SELECT '302', 'insufficient points' INTO code, message;
	END IF;
	IF code IS NULL THEN
		SELECT '000', 'success', ledger.points_value(check_availability.points, p.rate_points, p.rate_minor)
		INTO code, message, amount;
	END IF;
END
$$;
COMMENT ON FUNCTION ledger.check_availability(text, text, bigint) IS
	'May this member redeem so many points now, and what is their value? Promises nothing for later';

CREATE FUNCTION ledger.redeem_points(programme text, member text, points bigint, merchant text,
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
	IF coalesce(redeem_points.merchant, '') = '' THEN
		SELECT '208', 'merchant name is missing' INTO code, message;
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
COMMENT ON FUNCTION ledger.redeem_points(text, text, bigint, text, integer, text, text, text) IS
	'Takes the points and gives the external_reference by which the redemption is known from then on';

-- No time limit, whatever the member's status; the full points, once for ever. A second call hears
-- the reversal that there is.
CREATE FUNCTION ledger.reversal_points(programme text, member text, merchant text, redemption uuid,
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
	IF coalesce(reversal_points.merchant, '') = '' THEN
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
		FROM ledger.post_reversals(ARRAY[d.entry_id]) r;
	EXCEPTION WHEN unique_violation THEN
		SELECT '301', 'failed to redeem: the redemption is reversed already', r.external_reference, r.points
		INTO code, message, external_reference, points
		FROM ledger.reversal r WHERE r.redemption_id = d.entry_id;
	END;
EXCEPTION
	WHEN transaction_rollback OR lock_not_available OR operator_intervention OR insufficient_resources THEN
		RAISE;
	WHEN OTHERS THEN
		SELECT '997', format('exception: %s', SQLSTATE), NULL, NULL INTO code, message, external_reference, points;
END
$$;
COMMENT ON FUNCTION ledger.reversal_points(text, text, text, uuid) IS
	'Gives back the full points of the redemption that has this external_reference, member and merchant, once';

-- The application's role is the site's to name: GRANT USAGE ON SCHEMA ledger and EXECUTE on the three to it.
