-- What the API posts says so in the ledger itself: a request that is gone is missed, and with it its key.

SET LOCAL ROLE handback_owner;

ALTER TABLE ledger.entry DROP CONSTRAINT entry_origin_check;
ALTER TABLE ledger.entry ADD CONSTRAINT entry_origin_check CHECK (origin IN ('handback', 'application', 'api'));
COMMENT ON COLUMN ledger.entry.origin IS 'Who asked for it, of answers and of what the API posted. A reversal of handback is named by an outcome, what the API posted by its request';
COMMENT ON COLUMN ledger.reversal.origin IS 'handback: an outcome names it. application: nobody else does. api: its request does. NULL: the ledger does not say';

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
			transaction_type, amount, currency, outbound_reference, origin)
		SELECT j.programme_id, j.member_id, 'Debit By Redemption', j.points, j.new_reference, j.partner, j.merchant, j.type,
			j.value::bigint, j.currency,
			CASE WHEN j.partner IS NOT NULL THEN j.prefix || to_char(nextval('api.outbound_reference'), 'FM0000000000') END, 'api'
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
			FROM ledger.post_answers(ARRAY[debit], 'Debit By Redemption', 'Redemption Reversal', 'api') r;
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

CREATE OR REPLACE FUNCTION api.redemption_json(redemption bigint) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object(
		'reference', upper(d.external_reference::text), 'member', d.member, 'points', d.points, 'amount', d.amount,
		'currency', d.currency, 'merchant', d.merchant, 'type', d.transaction_type, 'partner', d.partner,
		'outbound_reference', d.outbound_reference, 'redeemed_at', d.redeemed_at,
		'state', CASE WHEN h.reason IS NOT NULL THEN 'held' ELSE handback.redemption_state(redemption) END,
		'held_for', h.reason, 'reasons', o.reasons, 'decided_at', o.decided_at, 'reversed_at', r.posted_at,
		'reversed_by', CASE r.origin WHEN 'api' THEN 'application' ELSE r.origin END, 'reversal_reference', upper(r.external_reference::text))
	FROM ledger.redemption d
	LEFT JOIN ledger.reversal r ON r.redemption_id = d.redemption_id
	LEFT JOIN LATERAL (SELECT o.reasons, o.decided_at FROM handback.outcome o
		WHERE o.redemption_id = redemption AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED, :OUTCOME_CREDITED)
		ORDER BY o.decided_at DESC LIMIT 1) o ON true
	LEFT JOIN LATERAL (SELECT o.hold_reason AS reason FROM handback.outcome o JOIN handback.hold h USING (file_id, record_no)
		WHERE o.redemption_id = redemption AND o.outcome = :OUTCOME_HELD
			AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
		ORDER BY h.opened_at DESC LIMIT 1) h ON true
	WHERE d.redemption_id = redemption
$$;
