-- A page of a transactional report costs its own rows: the filters stood on another copy of the entries than the one that was walked, so that
-- each page read every entry before it, and a million entries took many minutes.

SET LOCAL ROLE handback_owner;

-- A page by number.  Every filter: NULL for whatever it is; what is no programme or member has no transactions.
-- Only nested loops along the key, and every filter on what the view itself reads: a page costs its rows, not those before it or all there are.
CREATE OR REPLACE FUNCTION ledger.transactions(programme text, categories text[], partner text, member text, type integer, merchant text, state text,
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
