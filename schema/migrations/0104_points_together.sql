-- A points request costs a third of what it did. Functions in SQL that have a search_path of their own are never inlined, and are planned
-- again by each statement that calls them: what judges a row is in PL/pgSQL now, where the session keeps the plan. And the debits of
-- all rows of a transaction are posted by one statement, as the ledger checks by statement.

SET LOCAL ROLE handback_owner;

CREATE OR REPLACE FUNCTION points.ineligible(programme integer, partner text, member bigint, account text, sponsor text, OUT code text, OUT reason text)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_variable
BEGIN
	SELECT v.code, v.reason INTO code, reason
	FROM (VALUES (1)) one (one)
	LEFT JOIN points.partner_now t ON t.programme_id = ineligible.programme AND t.partner = ineligible.partner
	LEFT JOIN ledger.member m ON m.member_id = ineligible.member
	LEFT JOIN points.link_now l ON l.programme_id = ineligible.programme AND l.partner = ineligible.partner AND l.account = ineligible.account
	LEFT JOIN points.sponsor_now s ON s.programme_id = ineligible.programme AND s.sponsor = ineligible.sponsor
	LEFT JOIN ledger.member p ON p.member_id = s.member_id
	CROSS JOIN LATERAL (VALUES
		(1, t.partner IS NULL, '301', 'no such partner takes points requests'),
		(2, NOT t.open, '301', 'the partner is closed'),
		(3, m.status = 'Cancelled', '113', 'member is cancelled'),
		(4, m.status = 'Suspended', '114', 'member is suspended'),
		(5, m.status <> 'Active', '107', 'member status is not Active'),
		(6, t.account <> 'member' AND ineligible.account IS NULL, '301', 'no account at the partner is stated or linked'),
		(7, t.account = 'linked' AND l.account IS NULL, '301', 'the account is not linked'),
		(8, l.member_id <> ineligible.member, '301', 'the account is linked to another member'),
		(9, ineligible.sponsor IS NOT NULL AND s.sponsor IS NULL, '301', 'there is no such sponsor'),
		(10, NOT s.open OR p.status <> 'Active', '301', 'the sponsor is closed')
	) AS v (n, applies, code, reason)
	WHERE v.applies ORDER BY v.n LIMIT 1;
END
$$;

CREATE OR REPLACE FUNCTION points.same_again(programme integer, key text, content bytea, OUT request bigint, OUT code text, OUT reason text)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_variable
BEGIN
	SELECT CASE WHEN r.content = same_again.content THEN r.request_no END, CASE WHEN r.content = same_again.content THEN '000' ELSE '409' END,
		CASE WHEN r.content <> same_again.content THEN 'the key is that of another request' END
	INTO request, code, reason FROM points.request r WHERE r.programme_id = programme AND r.request_key = key;
END
$$;

CREATE FUNCTION points.post_debits(requests bigint[]) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO ledger.entry (entry_id, programme_id, member_id, category, points, partner, merchant, transaction_type, amount, currency,
		outbound_reference, origin)
	SELECT r.entry_id, r.programme_id, r.payer_id, 'Debit By Redemption', r.points, r.partner, r.partner, 4,
		ledger.points_value(r.points, p.rate_points, p.rate_minor), p.currency,
		t.prefix || to_char(nextval('api.outbound_reference'), 'FM0000000000'), 'points'
	FROM points.request r
	JOIN ledger.programme p ON p.programme_id = r.programme_id
	JOIN points.partner_now t ON t.programme_id = r.programme_id AND t.partner = r.partner
	WHERE r.request_no = ANY (requests) ORDER BY r.request_no;
	INSERT INTO points.waiting (request_no, programme_id, partner) SELECT r.request_no, r.programme_id, r.partner FROM points.request r
	WHERE r.request_no = ANY (requests);
END
$$;
COMMENT ON FUNCTION points.post_debits(bigint[]) IS 'Posts the debits of requests, once: their numbers were given with the requests';

CREATE FUNCTION points.take(c record, programme integer, member ledger.member, account text, payer bigint, spent bigint, OUT code text,
		OUT reason text, OUT request bigint, OUT again boolean, OUT due boolean)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	content constant bytea := sha256(convert_to(jsonb_build_array(c.member, c.account, c.partner, c.points, c.sponsor)::text, 'UTF8'));
	person constant text := coalesce('account ' || account, 'member ' || member.member_id);
	day constant date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
	p ledger.programme;
	t points.partner_now;
	k api.credential_now;
	available bigint;
	cap bigint;
	paid bigint;
	held text;
	entry bigint;
BEGIN
	again := false;
	due := false;
	SELECT s.request, s.code, s.reason, s.code = '000' INTO request, code, reason, again FROM points.same_again(programme, c.key, content) s;
	IF code IS NOT NULL THEN
		RETURN;
	END IF;
	again := false;
	SELECT * INTO p FROM ledger.programme r WHERE r.programme_id = programme;
	SELECT * INTO t FROM points.partner_now n WHERE n.programme_id = programme AND n.partner = c.partner;
	SELECT * INTO k FROM api.credential_now n WHERE n.client_id = c.client;
	SELECT b.points - spent INTO available FROM ledger.balance b WHERE b.member_id = payer;
	SELECT i.code, i.reason INTO code, reason FROM points.ineligible(programme, c.partner, member.member_id, account, c.sponsor) i;
	SELECT v.code, v.reason INTO code, reason FROM (VALUES
		(1, c.points <= 0, '120', 'points must be greater than zero'),
		(2, c.not_before IS NOT NULL AND points.time_of(c.not_before) IS NULL, '999', 'NotBefore is no time'),
		(3, c.sponsor IS NULL AND c.member IS NULL, '999', 'without a sponsor a member pays: RelationReference'),
		(4, c.member IS NOT NULL AND member.member_id IS NULL, '103', 'member does not exist'),
		(5, code IS NOT NULL, code, reason),
		(6, c.account IS NOT NULL AND EXISTS (SELECT FROM points.link_now l WHERE l.member_id = member.member_id AND l.partner = c.partner)
			AND NOT EXISTS (SELECT FROM points.link_now l WHERE l.member_id = member.member_id AND l.partner = c.partner
				AND l.account = c.account), '301', 'the member is linked to another account'),
		(7, available < c.points, '302', 'insufficient points'),
		(8, c.points < p.minimum_points, '301', format('the programme''s minimum is %s points', p.minimum_points)),
		(9, c.points > t.request_points, '301', format('a request to this partner is of %s points at most', t.request_points)),
		(10, div(c.points::numeric * p.rate_minor, p.rate_points) > 9223372036854775807, '301', 'the points are worth more than an amount can be')
	) v (n, applies, code, reason) WHERE v.applies ORDER BY v.n LIMIT 1;
	IF code IS NOT NULL THEN
		RETURN;
	END IF;
	-- a window that closes waits for us, or we are behind it
	IF NOT pg_try_advisory_xact_lock_shared(hashtextextended(format('points.window %s %s', programme, c.partner), 0)) THEN
		code := 'busy';
		RETURN;
	END IF;
	-- two requests for one person that somebody else pays for see each other by this alone
	IF NOT pg_try_advisory_xact_lock(hashtextextended(format('points.person %s %s %s', programme, c.partner, person), 0)) THEN
		code := 'busy';
		RETURN;
	END IF;
	IF t.person_points IS NOT NULL THEN
		SELECT coalesce(sum(r.points), 0) + c.points INTO paid FROM points.request r
		WHERE r.programme_id = programme AND r.partner = c.partner AND r.person = person
			AND r.received_at > clock_timestamp() - make_interval(days => t.person_days)
			AND NOT EXISTS (SELECT FROM points.refusal f WHERE f.request_no = r.request_no)
			AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.entry_id AND v.reinstatement_id IS NULL);
		IF paid > t.person_points THEN
			code := '301';
			reason := format('one person is sent %s points in %s days at most', t.person_points, t.person_days);
			RETURN;
		END IF;
	END IF;
	IF k.points_per_day IS NOT NULL THEN
		INSERT INTO api.usage (client_id, day, points) VALUES (c.client, day, 0) ON CONFLICT DO NOTHING;
		SELECT u.points + c.points INTO paid FROM api.usage u WHERE u.client_id = c.client AND u.day = day FOR NO KEY UPDATE;
		IF paid > k.points_per_day THEN
			code := '429';
			reason := 'the day''s points of this credential are used up';
			RETURN;
		END IF;
	END IF;
	IF c.sponsor IS NOT NULL THEN
		SELECT s.day_points INTO cap FROM points.sponsor_now s WHERE s.programme_id = programme AND s.sponsor = c.sponsor;
		SELECT coalesce(sum(d.points), 0) + c.points INTO paid FROM points.sponsor_day d WHERE d.member_id = payer AND d.day = day;
		held := CASE WHEN paid > cap THEN 'sponsor_cap' END;
	END IF;
	entry := nextval(pg_get_serial_sequence('ledger.entry', 'entry_id'));
	INSERT INTO points.request (programme_id, request_key, content, client_id, member_id, account, partner, points, reason, not_before,
		sponsor, payer_id, held_for, entry_id, received_at)
	VALUES (programme, c.key, content, c.client, member.member_id, account, c.partner, c.points, c.reason, points.time_of(c.not_before),
		c.sponsor, payer, held, entry, clock_timestamp())
	ON CONFLICT (programme_id, request_key) DO NOTHING RETURNING request_no INTO request;
	IF request IS NULL THEN -- at this moment, by another call
		SELECT s.request, s.code, s.reason, s.code = '000' INTO request, code, reason, again FROM points.same_again(programme, c.key, content) s;
		RETURN;
	END IF;
	code := '000';
	IF k.points_per_day IS NOT NULL THEN
		UPDATE api.usage u SET points = u.points + c.points WHERE u.client_id = c.client AND u.day = day;
	END IF;
	IF held IS NULL THEN
		IF c.sponsor IS NOT NULL THEN
			INSERT INTO points.sponsor_day AS d (member_id, day, points, cap) VALUES (payer, day, c.points, cap)
			ON CONFLICT ON CONSTRAINT sponsor_day_pkey DO UPDATE SET points = d.points + excluded.points, cap = excluded.cap;
		END IF;
		due := true;
	END IF;
END
$$;
COMMENT ON FUNCTION points.take(record, integer, ledger.member, text, bigint, bigint) IS
	'Takes one row of a call: judges it, and where nothing is against it puts it in effect; its debit is posted with those of the others';

CREATE OR REPLACE FUNCTION points.receive(calls jsonb) RETURNS TABLE (n integer, code text, reason text, state text, again boolean)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
	SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
#variable_conflict use_variable
DECLARE
	held bigint[];
	c record;
	who ledger.member;
	programme integer;
	payer bigint;
	account text;
	taken record;
	due bigint[] := '{}'; -- requests whose debits are posted in the end, whose points they take, and how many
	payers bigint[] := '{}';
	amounts bigint[] := '{}';
BEGIN
	-- shared: a status that changes now waits for us; then the balances of those who pay, in the order of all postings.  Nobody
	-- waits here for who holds them: all other calls would wait, too
	WITH asked AS (
		SELECT k.programme_id, x.member, x.sponsor FROM jsonb_to_recordset(calls) x (client text, generation integer, member text, sponsor text)
		JOIN api.credential k ON k.client_id = x.client AND k.generation = x.generation
	), ids AS (
		SELECT m.member_id FROM asked a JOIN ledger.member m ON m.programme_id = a.programme_id AND m.relation_reference = a.member
		UNION SELECT s.member_id FROM asked a JOIN points.sponsor_now s ON s.programme_id = a.programme_id AND s.sponsor = a.sponsor
	) SELECT array_agg(i.member_id) INTO held FROM ids i;
	held := ARRAY(SELECT m.member_id FROM ledger.member m WHERE m.member_id = ANY (held) ORDER BY m.member_id FOR SHARE SKIP LOCKED);
	held := ARRAY(SELECT b.member_id FROM ledger.balance b WHERE b.member_id = ANY (held) ORDER BY b.member_id
		FOR NO KEY UPDATE SKIP LOCKED);

	FOR c IN SELECT x.n, x.client, x.generation, x.request_id, x.batch, x.place, x.key, x.member, x.account, x.partner, x.points, x.reason,
			x.not_before, x.sponsor
		FROM jsonb_to_recordset(calls) x (n integer, client text, generation integer, request_id text, batch uuid, place integer, key text,
			member text, account text, partner text, points bigint, reason text, not_before text, sponsor text)
		ORDER BY x.n LOOP
		n := c.n;
		code := NULL;
		reason := NULL;
		state := NULL;
		again := false;
		programme := api.programme_of(c.client, c.generation);
		SELECT * INTO who FROM ledger.member r WHERE r.programme_id = programme AND r.relation_reference = c.member;
		payer := who.member_id;
		IF c.sponsor IS NOT NULL THEN
			SELECT s.member_id INTO payer FROM points.sponsor_now s WHERE s.programme_id = programme AND s.sponsor = c.sponsor;
		END IF;
		account := c.account;
		IF account IS NULL THEN
			SELECT l.account INTO account FROM points.link_now l WHERE l.member_id = who.member_id AND l.partner = c.partner ORDER BY l.made_at DESC LIMIT 1;
		END IF;
		IF programme IS NULL THEN
			code := '401';
			reason := 'the credential is not in force';
		-- NULL, whom the programme does not know, is held by nobody, also where nobody at all is held
		ELSIF (payer IS NOT NULL AND payer <> ALL (held)) OR (who.member_id IS NOT NULL AND who.member_id <> ALL (held)) THEN
			code := 'busy';
		ELSE
			SELECT * INTO taken FROM points.take(c, programme, who, account, payer,
				(SELECT coalesce(sum(u.amount), 0)::bigint FROM unnest(payers, amounts) u (payer, amount) WHERE u.payer = payer));
			code := taken.code;
			reason := taken.reason;
			again := taken.again;
			IF taken.due THEN
				due := due || taken.request;
				payers := payers || payer;
				amounts := amounts || c.points;
			END IF;
			state := CASE WHEN code <> '000' THEN NULL WHEN taken.request = ANY (due) THEN 'queued' ELSE points.state_of(taken.request) END;
		END IF;
		IF code NOT IN ('busy', '401') THEN
			-- a call whose answer our own program lost has its row, and is the same again
			INSERT INTO points.receipt (batch_id, n, programme_id, client_id, request_id, request_key, code, why, request_no, again, received_at)
			VALUES (c.batch, c.place, programme, c.client, c.request_id, c.key, code, reason, taken.request, again, clock_timestamp())
			ON CONFLICT ON CONSTRAINT receipt_pkey DO NOTHING;
		END IF;
		RETURN NEXT;
	END LOOP;
	PERFORM points.post_debits(due);
END
$$;

CREATE OR REPLACE FUNCTION points.approve(proposal integer, why text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	p constant points.proposal := points.end_proposal(proposal, 'approved', why);
	r points.request;
	against text;
BEGIN
	IF p.kind = 'request' THEN
		SELECT * INTO r FROM points.request q WHERE q.request_no = p.subject::bigint;
		PERFORM FROM ledger.balance b WHERE b.member_id = r.payer_id FOR NO KEY UPDATE;
		SELECT i.reason INTO against FROM points.ineligible(r.programme_id, r.partner, r.member_id, r.account, r.sponsor) i;
		IF points.state_of(r.request_no) <> 'held' OR against IS NOT NULL THEN
			RAISE EXCEPTION 'points request % cannot be let through: %', r.request_key, coalesce(against, points.state_of(r.request_no))
				USING ERRCODE = 'object_not_in_prerequisite_state';
		END IF;
		PERFORM points.post_debits(ARRAY[r.request_no]);
	END IF;
END
$$;

REVOKE ALL ON FUNCTION points.post_debits(bigint[]), points.take(record, integer, ledger.member, text, bigint, bigint) FROM PUBLIC;
DROP FUNCTION points.take(record, integer, ledger.member, text, bigint), points.post_debit(bigint);
