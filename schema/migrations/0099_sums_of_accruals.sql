-- Accruals that name a merchant, partner or type are in a report that is filtered by it: its sums did not have them, so that there was none.

SET LOCAL ROLE handback_owner;

-- The same sums, counted in another way: from each redemption to what was answered to it, instead of from each entry back; and accruals,
-- which may name a partner, too.
CREATE OR REPLACE FUNCTION ledger.transaction_sums(programme text, categories text[], partner text, member text, type integer, merchant text, state text,
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
