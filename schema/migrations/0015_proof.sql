-- Who writes into the proof, on what its writers wait, and which reversals are handback's own.

SET LOCAL ROLE handback_owner;

-- Writers of the chain wait for each other on a table that nobody else may touch: an advisory lock is anybody's to take,
-- and whoever only reads could stop every posting with it.
CREATE TABLE handback_schema.chain_lock ();
COMMENT ON TABLE handback_schema.chain_lock IS 'Has no rows: it is locked by whoever appends to the chain, until the end of the transaction';

CREATE OR REPLACE FUNCTION audit.chain_end() RETURNS TABLE (head_no bigint, head_hash bytea)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	LOCK TABLE handback_schema.chain_lock IN EXCLUSIVE MODE;
	RETURN QUERY SELECT h.head_no, h.head_hash FROM audit.head h ORDER BY h.head_no DESC LIMIT 1;
	IF NOT FOUND THEN
		RETURN QUERY SELECT 0::bigint, decode(repeat('00', 32), 'hex');
	END IF;
END
$$;

-- The same for holds: their rows are locked, which takes a right that only our functions have, and no memory that all share.
CREATE OR REPLACE FUNCTION handback.lock_holds(wanted bigint[]) RETURNS SETOF handback.hold
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	ended bigint;
	there bigint;
BEGIN
	-- a hold is never updated: what two people could do at once is to end it, in the order of the numbers
	PERFORM FROM handback.hold h WHERE h.hold_id = ANY (wanted) ORDER BY h.hold_id FOR NO KEY UPDATE;
	SELECT count(*) INTO there FROM handback.hold WHERE hold_id = ANY (wanted);
	IF there = 0 OR there < (SELECT count(DISTINCT w) FROM unnest(wanted) w) THEN
		RAISE EXCEPTION 'no such hold among %', wanted USING ERRCODE = 'no_data_found';
	END IF;
	SELECT min(hold_id) INTO ended FROM handback.hold_end WHERE hold_id = ANY (wanted);
	IF ended IS NOT NULL THEN
		RAISE EXCEPTION 'hold % has ended', ended USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	RETURN QUERY SELECT * FROM handback.hold_now WHERE hold_id = ANY (wanted) ORDER BY hold_id;
END
$$;

-- And for partners.
CREATE FUNCTION handback.lock_partner(code text) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM handback.partner p WHERE p.code = lock_partner.code FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		INSERT INTO handback.partner (code) VALUES (lock_partner.code) ON CONFLICT DO NOTHING;
		PERFORM FROM handback.partner p WHERE p.code = lock_partner.code FOR NO KEY UPDATE;
	END IF;
END
$$;
COMMENT ON FUNCTION handback.lock_partner(text) IS 'One file of a partner is decided at a time: until the transaction ends';

CREATE OR REPLACE FUNCTION handback.lock_partners(wanted bigint[]) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM handback.partner p
	WHERE p.partner_id IN (
		SELECT f.partner_id
		FROM handback.hold h
		JOIN handback.file f ON f.file_id = h.file_id
		WHERE h.hold_id = ANY (wanted))
	ORDER BY p.code
	FOR NO KEY UPDATE;
END
$$;

-- Which reversals are ours is said when they are posted: by the login alone it cannot be told, since an application may share it.
ALTER TABLE ledger.entry ADD COLUMN origin text CHECK (origin IN ('handback', 'application'));
COMMENT ON COLUMN ledger.entry.origin IS 'Answers: who asked for them. A reversal of handback is named by an outcome, one of an application by nobody';

CREATE OR REPLACE VIEW ledger.reversal AS
	SELECT r.answers_entry_id AS redemption_id, r.entry_id AS reversal_id, r.external_reference, r.programme_id,
		r.member_id, r.points, r.posted_at, r.posted_by, i.entry_id AS reinstatement_id, r.origin
	FROM ledger.entry r
	LEFT JOIN ledger.entry i ON i.answers_entry_id = r.entry_id
	WHERE r.category = 'Redemption Reversal';
COMMENT ON COLUMN ledger.reversal.origin IS 'handback: an outcome names it. application: nobody else does. NULL: the ledger does not say';

DROP FUNCTION ledger.post_answers(bigint[], ledger.category, ledger.category);
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

CREATE OR REPLACE FUNCTION ledger.post_reversals(redemption_ids bigint[])
	RETURNS TABLE (redemption_id bigint, reversal_id bigint, external_reference uuid, posted_at timestamptz)
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM ledger.post_answers(redemption_ids, 'Debit By Redemption', 'Redemption Reversal', 'handback')
$$;

CREATE OR REPLACE FUNCTION ledger.post_reinstatements(reversal_ids bigint[])
	RETURNS TABLE (reversal_id bigint, reinstatement_id bigint, external_reference uuid, posted_at timestamptz)
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM ledger.post_answers(reversal_ids, 'Redemption Reversal', 'Redemption Reinstatement', 'handback')
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
		FROM ledger.post_answers(ARRAY[d.entry_id], 'Debit By Redemption', 'Redemption Reversal', 'application') r;
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

-- Nobody writes an event but through a function that does what the event says.
ALTER TABLE audit.event ADD CHECK (what IN ('assigned', 'commented', 'proposed', 'approved', 'rejected', 'guarded', 'rematched',
	'unknown_reference_expired', 'deemed_accepted', 'purged'));

-- The events of the service, as what runs by night writes them; those of people are written by the functions that they call.
CREATE FUNCTION audit.append_service_event(what text, subject text, why text DEFAULT NULL, detail text DEFAULT NULL,
		leaves bigint DEFAULT 0, root bytea DEFAULT sha256('')) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF what NOT IN ('guarded', 'rematched', 'unknown_reference_expired', 'deemed_accepted', 'purged') THEN
		RAISE EXCEPTION '% is no event of the service', what USING ERRCODE = 'insufficient_privilege';
	END IF;
	RETURN audit.append_event(what, subject, why, detail, leaves, root);
END
$$;
COMMENT ON FUNCTION audit.append_service_event(text, text, text, text, bigint, bytea) IS
	'append_event for what the service itself may say';

REVOKE ALL ON FUNCTION handback.lock_partner(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION audit.append_event(text, text, text, text, bigint, bytea) FROM handback_daemon, handback_operator, handback_nightly;
GRANT EXECUTE ON FUNCTION audit.append_service_event(text, text, text, text, bigint, bytea) TO handback_nightly;
GRANT EXECUTE ON FUNCTION handback.lock_partner(text) TO handback_daemon, handback_nightly;
