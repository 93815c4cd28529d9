-- All that handback knows of a ledger: three views and three postings. A site with its own ledger replaces these six and
-- nothing else. Behind them, the calls of the redemption API over our own ledger.

-- LEFT JOIN: equal to an inner one here, but left out where its columns are not asked for
CREATE VIEW ledger.redemption AS
	SELECT d.entry_id AS redemption_id, d.external_reference, d.programme_id, p.code AS programme,
		d.member_id, m.relation_reference AS member, m.status::text AS member_status,
		d.partner, d.merchant, d.transaction_type, d.points, d.amount, d.currency::text AS currency,
		d.outbound_reference, d.partner_reference, d.posted_at AS redeemed_at
	FROM ledger.entry d
	LEFT JOIN ledger.member m ON m.member_id = d.member_id
	LEFT JOIN ledger.programme p ON p.programme_id = d.programme_id
	WHERE d.category = 'Debit By Redemption';

CREATE VIEW ledger.reversal AS
	SELECT r.answers_entry_id AS redemption_id, r.entry_id AS reversal_id, r.external_reference, r.programme_id,
		r.member_id, r.points, r.posted_at, r.posted_by, i.entry_id AS reinstatement_id, r.origin,
		c.entry_id AS credit_id
	FROM ledger.entry r
	LEFT JOIN ledger.entry i ON i.answers_entry_id = r.entry_id
	LEFT JOIN ledger.entry c ON c.answers_entry_id = i.entry_id
	WHERE r.category = 'Redemption Reversal';

-- A ledger that keeps no such list says all of its redemptions here: slower, and as right.
CREATE VIEW ledger.maybe_open AS
	SELECT w.redemption_id, p.code AS programme, w.partner, w.points, w.redeemed_at
	FROM ledger.watched_debit w
	LEFT JOIN ledger.programme p ON p.programme_id = w.programme_id;

COMMENT ON VIEW ledger.redemption IS 'Contract: every redemption that a partner may answer';
COMMENT ON COLUMN ledger.redemption.redemption_id IS 'The ledger''s own number, for ever';
COMMENT ON COLUMN ledger.redemption.external_reference IS 'The UUID by which partners name it';
COMMENT ON COLUMN ledger.redemption.member IS 'The member''s relation_reference';
COMMENT ON COLUMN ledger.redemption.partner IS 'Who was asked to fulfil it: only this partner''s files may answer it';
COMMENT ON COLUMN ledger.redemption.amount IS 'Minor units of the currency';
COMMENT ON VIEW ledger.reversal IS 'Contract: the reversal of each redemption that has one';
COMMENT ON COLUMN ledger.reversal.origin IS 'handback: an outcome names it. application: nobody else does. api: its request does. NULL: the ledger does not say';
COMMENT ON COLUMN ledger.reversal.reinstatement_id IS 'Set when two people took the reversal back';
COMMENT ON COLUMN ledger.reversal.credit_id IS 'Set when, after the reinstatement, two people credited the points once more: the partner had rejected again';
COMMENT ON VIEW ledger.maybe_open IS 'Contract: redemptions that may be open, each once, as ledger.redemption says them: none that has no answer is missing';

-- Entries of one category that answer the named ones; the postings share it.
CREATE FUNCTION ledger.post_answers(answered_ids bigint[], answered ledger.category, answer ledger.category,
		origin text)
	RETURNS TABLE (answered_id bigint, entry_id bigint, external_reference uuid, posted_at timestamptz)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
	posted bigint;
	-- UUIDs of version 7 (RFC 9562): milliseconds since 1970 first, so that a million of them go to the end of the index
	-- and not all over it; what follows is random
	millis text := lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0');
	prefix text := left(millis, 8) || '-' || right(millis, 4) || '-7';
BEGIN
	-- in the order of what is answered: two postings that share some never wait in a circle
	RETURN QUERY
		INSERT INTO ledger.entry (programme_id, member_id, category, points, external_reference, answers_entry_id,
			origin)
		SELECT a.programme_id, a.member_id, answer, a.points,
			(prefix || right(gen_random_uuid()::text, 21))::uuid, a.entry_id, post_answers.origin
		FROM (SELECT unnest(answered_ids) AS entry_id ORDER BY 1 OFFSET 0) wanted
		JOIN ledger.entry a ON a.entry_id = wanted.entry_id
		WHERE a.category = answered
		ORDER BY a.entry_id
		RETURNING answers_entry_id, entry.entry_id, entry.external_reference, entry.posted_at;
	GET DIAGNOSTICS posted = ROW_COUNT;
	IF posted <> cardinality(answered_ids) THEN
		RAISE EXCEPTION '% of % entries to be answered are not of the category %',
			cardinality(answered_ids) - posted, cardinality(answered_ids), answered
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
END
$$;

CREATE FUNCTION ledger.post_reversals(redemption_ids bigint[])
	RETURNS TABLE (redemption_id bigint, reversal_id bigint, external_reference uuid, posted_at timestamptz)
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM ledger.post_answers(redemption_ids, 'Debit By Redemption', 'Redemption Reversal', 'handback')
$$;

CREATE FUNCTION ledger.post_reinstatements(reversal_ids bigint[])
	RETURNS TABLE (reversal_id bigint, reinstatement_id bigint, external_reference uuid, posted_at timestamptz)
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM ledger.post_answers(reversal_ids, 'Redemption Reversal', 'Redemption Reinstatement', 'handback')
$$;

CREATE FUNCTION ledger.post_credits(reinstatement_ids bigint[])
	RETURNS TABLE (reinstatement_id bigint, credit_id bigint, external_reference uuid, posted_at timestamptz)
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM ledger.post_answers(reinstatement_ids, 'Redemption Reinstatement', 'Credit By Correction', 'handback')
$$;

COMMENT ON FUNCTION ledger.post_reversals(bigint[]) IS
	'Contract: credits the full points of each redemption, all or none. 23505 when one is reversed already, 23000 when a number is no redemption';
COMMENT ON FUNCTION ledger.post_reinstatements(bigint[]) IS
	'Contract: takes reversals back, all or none. 23514 when a member no longer has the points';
COMMENT ON FUNCTION ledger.post_credits(bigint[]) IS
	'Contract: credits the full points of redemptions that were reinstated, all or none. 23505 when one is credited already';

GRANT USAGE ON SCHEMA ledger TO handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify;

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
COMMENT ON FUNCTION ledger.reversal_points(text, text, text, uuid) IS
	'Gives back the full points of the redemption that has this external_reference, member and merchant, once';

GRANT SELECT ON ledger.redemption, ledger.reversal TO handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify;
GRANT EXECUTE ON FUNCTION ledger.post_reversals(bigint[]) TO handback_daemon, handback_nightly;
-- who reads the proof reads what it is checked against
GRANT SELECT ON ledger.entry, ledger.balance TO handback_operator, handback_finance, handback_verify;
