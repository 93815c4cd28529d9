-- A call whose rows name nobody whom the programme knows is refused, as it is beside rows that do: it was told for ever to ask again, since
-- NULL <> ALL of an empty list is true.

SET LOCAL ROLE handback_owner;

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
			SELECT * INTO taken FROM points.take(c, programme, who, account, payer);
			code := taken.code;
			reason := taken.reason;
			again := taken.again;
			state := CASE WHEN code = '000' THEN points.state_of(taken.request) END;
		END IF;
		IF code NOT IN ('busy', '401') THEN
			-- a call whose answer our own program lost has its row, and is the same again
			INSERT INTO points.receipt (batch_id, n, programme_id, client_id, request_id, request_key, code, why, request_no, again, received_at)
			VALUES (c.batch, c.place, programme, c.client, c.request_id, c.key, code, reason, taken.request, again, clock_timestamp())
			ON CONFLICT ON CONSTRAINT receipt_pkey DO NOTHING;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
