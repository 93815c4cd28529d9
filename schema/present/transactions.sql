-- Transactional reports: every entry with what it belongs to, by one rule for the command line, the API and the nightly run.

CREATE VIEW ledger.transaction AS
	SELECT e.entry_id, e.programme_id, e.member_id, p.code AS programme, m.relation_reference AS member, e.category::text AS category, e.points,
		CASE WHEN e.category IN ('Debit By Redemption', 'Redemption Reinstatement') THEN -e.points ELSE e.points END AS change,
		d.partner, d.merchant, d.transaction_type, d.amount, d.currency::text AS currency,
		CASE WHEN d.category <> 'Debit By Redemption' THEN NULL
			WHEN t.entry_id IS NOT NULL AND c.entry_id IS NULL THEN 'reinstated'
			WHEN r.entry_id IS NOT NULL THEN 'reversed'
			WHEN EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = d.entry_id AND o.outcome = :OUTCOME_CONFIRMED) THEN 'confirmed'
			ELSE 'open' END AS state,
		upper(e.external_reference::text) AS reference,
		CASE WHEN d.entry_id <> e.entry_id THEN upper(d.external_reference::text) END AS redemption, s.order_id, e.posted_at
	FROM ledger.entry e
	JOIN ledger.programme p ON p.programme_id = e.programme_id
	JOIN ledger.member m ON m.member_id = e.member_id
	LEFT JOIN ledger.entry a ON a.entry_id = e.answers_entry_id
	LEFT JOIN ledger.entry b ON b.entry_id = a.answers_entry_id
	-- of a debit, a reversal, a reinstatement and a correction the debit; of an accrual itself
	JOIN ledger.entry d ON d.entry_id = coalesce(b.answers_entry_id, a.answers_entry_id, e.answers_entry_id, e.entry_id)
	LEFT JOIN ledger.entry r ON r.answers_entry_id = d.entry_id
	LEFT JOIN ledger.entry t ON t.answers_entry_id = r.entry_id
	LEFT JOIN ledger.entry c ON c.answers_entry_id = t.entry_id
	LEFT JOIN catalogue.shop_order s ON s.entry_id = d.entry_id;
COMMENT ON VIEW ledger.transaction IS 'Every entry; merchant, partner, type, amount, state and order are those of the redemption that it is, or gives back';
COMMENT ON COLUMN ledger.transaction.change IS 'What it does to the member''s balance';
COMMENT ON COLUMN ledger.transaction.state IS 'Of the redemption: as handback.redemption_state';
COMMENT ON COLUMN ledger.transaction.redemption IS 'The reference of the redemption that it gives back, or takes again; NULL: it is none of these';
COMMENT ON COLUMN ledger.transaction.order_id IS 'What the catalogue''s shop calls the order';

-- A page by number.  Every filter: NULL for whatever it is; what is no programme or member has no transactions.
-- Only nested loops along the key, and every filter on what the view itself reads: a page costs its rows, not those before it or all there are.
CREATE FUNCTION ledger.transactions(programme text, categories text[], partner text, member text, type integer, merchant text, state text,
		since timestamptz, until timestamptz, fewest bigint, most bigint, after bigint, page integer) RETURNS SETOF ledger.transaction
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
	SET enable_hashjoin = off SET enable_mergejoin = off SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_variable
DECLARE
	programmes constant integer[] := ARRAY(SELECT p.programme_id FROM ledger.programme p WHERE programme IS NULL OR p.code = programme);
	members constant bigint[] := ARRAY(SELECT m.member_id FROM ledger.member m
		WHERE m.programme_id = ANY (programmes) AND m.relation_reference = member);
	kinds constant ledger.category[] := categories;
BEGIN
	RETURN QUERY SELECT t.* FROM ledger.transaction t
	WHERE (programme IS NULL OR t.programme_id = ANY (programmes)) AND (member IS NULL OR t.member_id = ANY (members))
		AND (categories IS NULL OR t.category = ANY (kinds::text[])) AND (partner IS NULL OR t.partner = partner)
		AND (type IS NULL OR t.transaction_type = type) AND (merchant IS NULL OR t.merchant = merchant) AND (state IS NULL OR t.state = state)
		AND (since IS NULL OR t.posted_at >= since) AND (until IS NULL OR t.posted_at < until)
		AND (fewest IS NULL OR t.points >= fewest) AND (most IS NULL OR t.points <= most) AND (after IS NULL OR t.entry_id > after)
	ORDER BY t.entry_id LIMIT page;
END
$$;
COMMENT ON FUNCTION ledger.transactions(text, text[], text, text, integer, text, text, timestamptz, timestamptz, bigint, bigint, bigint, integer) IS
	'A page of transactions after an entry, the oldest first; raises for what is no category';

-- The same sums, counted in another way: from each redemption to what was answered to it, instead of from each entry back; and accruals,
-- which may name a partner, too.
CREATE FUNCTION ledger.transaction_sums(programme text, categories text[], partner text, member text, type integer, merchant text, state text,
		since timestamptz, until timestamptz, fewest bigint, most bigint)
	RETURNS TABLE (of_programme text, category text, entries bigint, points numeric, change numeric)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_variable
DECLARE
	of_redemption constant boolean := coalesce(partner, type::text, merchant, state) IS NOT NULL;
BEGIN
	RETURN QUERY WITH about AS (
		SELECT n.entry_id FROM ledger.redemption r
		LEFT JOIN ledger.reversal v ON v.redemption_id = r.redemption_id
		CROSS JOIN LATERAL (VALUES (r.redemption_id), (v.reversal_id), (v.reinstatement_id), (v.credit_id)) n (entry_id)
		WHERE of_redemption AND n.entry_id IS NOT NULL AND (partner IS NULL OR r.partner = partner) AND (type IS NULL OR r.transaction_type = type)
			AND (merchant IS NULL OR r.merchant = merchant) AND (state IS NULL OR handback.redemption_state(r.redemption_id) = state)
		UNION ALL
		SELECT e.entry_id FROM ledger.entry e
		WHERE of_redemption AND e.category = 'Credit By Accrual' AND state IS NULL AND (partner IS NULL OR e.partner = partner)
			AND (type IS NULL OR e.transaction_type = type) AND (merchant IS NULL OR e.merchant = merchant)
	), counted AS (
		SELECT p.code, e.category, e.points FROM ledger.entry e JOIN ledger.programme p ON p.programme_id = e.programme_id
		WHERE (programme IS NULL OR p.code = programme) AND (NOT of_redemption OR e.entry_id IN (SELECT a.entry_id FROM about a))
			AND (categories IS NULL OR e.category::text = ANY (categories))
			AND (member IS NULL OR e.member_id IN (SELECT m.member_id FROM ledger.member m WHERE m.relation_reference = member))
			AND e.posted_at >= coalesce(since, '-infinity') AND e.posted_at < coalesce(until, 'infinity')
			AND e.points BETWEEN coalesce(fewest, 1) AND coalesce(most, 9223372036854775807)
	)
	SELECT c.code, c.category::text, count(*), sum(c.points),
		sum(CASE WHEN c.category IN ('Debit By Redemption', 'Redemption Reinstatement') THEN -c.points ELSE c.points END::numeric)
	FROM counted c GROUP BY c.code, c.category ORDER BY c.code, c.category;
END
$$;
COMMENT ON FUNCTION ledger.transaction_sums(text, text[], text, text, integer, text, text, timestamptz, timestamptz, bigint, bigint) IS
	'Sums of transactions by programme and category, counted in another way than ledger.transactions finds them';

CREATE FUNCTION ledger.unbalanced(programme text) RETURNS TABLE (of_programme text, entries numeric, balances numeric)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	RETURN QUERY SELECT p.code, coalesce(e.points, 0), coalesce(b.points, 0)
	FROM ledger.programme p
	LEFT JOIN (SELECT e.programme_id,
			sum(CASE WHEN e.category IN ('Debit By Redemption', 'Redemption Reinstatement') THEN -e.points ELSE e.points END) AS points
		FROM ledger.entry e GROUP BY e.programme_id) e ON e.programme_id = p.programme_id
	LEFT JOIN (SELECT m.programme_id, sum(b.points) AS points FROM ledger.balance b JOIN ledger.member m ON m.member_id = b.member_id
		GROUP BY m.programme_id) b ON b.programme_id = p.programme_id
	WHERE (programme IS NULL OR p.code = programme) AND coalesce(e.points, 0) <> coalesce(b.points, 0);
END
$$;
COMMENT ON FUNCTION ledger.unbalanced(text) IS 'Programmes whose members hold something else than their entries say: none, ever';

-- For the API: a programme's, for its credentials; a token of one member asks for that member's.  A page ends where it gets too long.
CREATE FUNCTION api.entries(client_id text, generation integer, categories text[], partner text, member text, type integer, merchant text,
		state text, since timestamptz, until timestamptz, after bigint, OUT code text, OUT reason text, OUT body jsonb)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	page constant integer := 25;
	programme constant integer := api.programme_of(client_id, generation);
BEGIN
	SELECT v.code, v.reason INTO code, reason FROM (VALUES
		(1, programme IS NULL, '401', NULL),
		(2, NOT categories <@ enum_range(NULL::ledger.category)::text[], '999', 'there is no such category'),
		(3, state NOT IN ('open', 'confirmed', 'reversed', 'reinstated'), '999', 'state is open, confirmed, reversed or reinstated'),
		(4, true, '000', NULL)) v (n, applies, code, reason)
	WHERE v.applies ORDER BY v.n LIMIT 1;
	IF code = '000' THEN
		WITH found AS (
			SELECT t.entry_id, jsonb_build_object('entry', t.entry_id, 'member', t.member, 'category', t.category, 'points', t.points,
				'change', t.change, 'reference', t.reference, 'redemption', t.redemption, 'merchant', t.merchant, 'partner', t.partner,
				'type', t.transaction_type, 'amount', t.amount, 'currency', t.currency, 'state', t.state, 'order_id', t.order_id,
				'at', t.posted_at) AS one
			FROM ledger.transactions((SELECT p.code FROM ledger.programme p WHERE p.programme_id = programme), categories, partner, member,
				type, merchant, state, since, until, NULL, NULL, after, page) t
		), sized AS (
			SELECT f.entry_id, f.one, count(*) OVER () AS found, sum(api.size_in_message(f.one)) OVER (ORDER BY f.entry_id) AS size FROM found f
		)
		SELECT jsonb_build_object('transactions', coalesce(jsonb_agg(s.one ORDER BY s.entry_id), '[]'),
			'next', CASE WHEN max(s.found) = page OR count(*) < max(s.found) THEN max(s.entry_id) END) INTO body
		FROM sized s WHERE s.size <= api.page_bytes();
	END IF;
END
$$;
COMMENT ON FUNCTION api.entries(text, integer, text[], text, text, integer, text, text, timestamptz, timestamptz, bigint) IS
	'A page of the caller''s programme''s entries by what is asked for, the oldest first';

REVOKE ALL ON FUNCTION api.size_in_message(jsonb), api.page_bytes(),
	ledger.transactions(text, text[], text, text, integer, text, text, timestamptz, timestamptz, bigint, bigint, bigint, integer),
	ledger.transaction_sums(text, text[], text, text, integer, text, text, timestamptz, timestamptz, bigint, bigint), ledger.unbalanced(text),
	api.entries(text, integer, text[], text, text, integer, text, text, timestamptz, timestamptz, bigint) FROM PUBLIC;
GRANT SELECT ON ledger.transaction TO handback_finance, handback_verify, handback_nightly;
GRANT SELECT (code) ON ledger.programme TO handback_finance, handback_verify;
GRANT SELECT (relation_reference) ON ledger.member TO handback_finance, handback_verify;
GRANT EXECUTE ON FUNCTION
	ledger.transactions(text, text[], text, text, integer, text, text, timestamptz, timestamptz, bigint, bigint, bigint, integer),
	ledger.transaction_sums(text, text[], text, text, integer, text, text, timestamptz, timestamptz, bigint, bigint), ledger.unbalanced(text)
	TO handback_finance, handback_verify, handback_nightly;
GRANT EXECUTE ON FUNCTION api.entries(text, integer, text[], text, text, integer, text, text, timestamptz, timestamptz, bigint) TO handback_api;
