-- All that handback knows of a ledger: two views and two postings. A site with
-- its own ledger replaces these four and nothing else.
--
-- What they promise:
--   * a row of ledger.redemption, once seen, never changes in any column but
--     member, member_status, outbound_reference and partner_reference;
--   * ledger.reversal has at most one row for a redemption, for ever;
--   * a posting posts all that it was asked for, or raises and posts nothing;
--   * what another transaction was posting at the same time is waited for, and
--     answered with unique_violation (23505) when it won: then the caller rolls
--     back and decides again.

SET LOCAL ROLE handback_owner;

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
		r.member_id, r.points, r.posted_at, r.posted_by, i.entry_id AS reinstatement_id
	FROM ledger.entry r
	LEFT JOIN ledger.entry i ON i.answers_entry_id = r.entry_id
	WHERE r.category = 'Redemption Reversal';

COMMENT ON VIEW ledger.redemption IS 'Contract: every redemption that a partner may answer';
COMMENT ON COLUMN ledger.redemption.redemption_id IS 'The ledger''s own number, for ever';
COMMENT ON COLUMN ledger.redemption.external_reference IS 'The UUID by which partners name it';
COMMENT ON COLUMN ledger.redemption.member IS 'The member''s relation_reference';
COMMENT ON COLUMN ledger.redemption.partner IS 'Who was asked to fulfil it: only this partner''s files may answer it';
COMMENT ON COLUMN ledger.redemption.amount IS 'Minor units of the currency';
COMMENT ON VIEW ledger.reversal IS 'Contract: the reversal of each redemption that has one';
COMMENT ON COLUMN ledger.reversal.reinstatement_id IS 'Set when two people took the reversal back';

-- Entries of one category that answer the named ones; the two postings share it.
CREATE FUNCTION ledger.post_answers(answered_ids bigint[], answered ledger.category, answer ledger.category)
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
		INSERT INTO ledger.entry (programme_id, member_id, category, points, external_reference, answers_entry_id)
		SELECT a.programme_id, a.member_id, answer, a.points,
			(prefix || right(gen_random_uuid()::text, 21))::uuid, a.entry_id
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
	SELECT * FROM ledger.post_answers(redemption_ids, 'Debit By Redemption', 'Redemption Reversal')
$$;

CREATE FUNCTION ledger.post_reinstatements(reversal_ids bigint[])
	RETURNS TABLE (reversal_id bigint, reinstatement_id bigint, external_reference uuid, posted_at timestamptz)
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM ledger.post_answers(reversal_ids, 'Redemption Reversal', 'Redemption Reinstatement')
$$;

COMMENT ON FUNCTION ledger.post_reversals(bigint[]) IS
	'Contract: credits the full points of each redemption, all or none. 23505 when one is reversed already, 23000 when a number is no redemption';
COMMENT ON FUNCTION ledger.post_reinstatements(bigint[]) IS
	'Contract: takes reversals back, all or none. 23514 when a member no longer has the points';

GRANT USAGE ON SCHEMA ledger TO handback_daemon, handback_operator, handback_finance;
GRANT SELECT ON ledger.redemption, ledger.reversal TO handback_daemon, handback_operator, handback_finance;
GRANT EXECUTE ON FUNCTION ledger.post_reversals(bigint[]) TO handback_daemon;
-- who reads the proof reads what it is checked against
GRANT SELECT ON ledger.entry, ledger.balance TO handback_operator, handback_finance;
