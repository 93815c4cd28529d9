-- What is open is looked for among the debits that may be, and no longer among all that were ever redeemed.

SET LOCAL ROLE handback_owner;

-- Debits that may be open: each one from its posting on, until a night finds that it was answered. To look for what is open
-- among all that was ever redeemed would take the longer the longer there is a ledger; answering costs nothing here, since
-- whoever reads asks of each debit in it whether it was answered. What is answered stays answered, so that a debit that was
-- taken off is never missed.
CREATE TABLE ledger.watched_debit (
	redemption_id bigint  PRIMARY KEY,
	programme_id  integer NOT NULL,
	partner       text,
	points        bigint  NOT NULL,
	redeemed_at   timestamptz NOT NULL
);
COMMENT ON TABLE ledger.watched_debit IS 'Debits that may be open: every one that is, and those answered since the last night; follows ledger.entry by itself';

CREATE FUNCTION ledger.watch_debits() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO ledger.watched_debit (redemption_id, programme_id, partner, points, redeemed_at)
	SELECT entry_id, programme_id, partner, points, posted_at FROM posted WHERE category = 'Debit By Redemption';
	RETURN NULL;
END
$$;
CREATE TRIGGER watch_debits AFTER INSERT ON ledger.entry REFERENCING NEW TABLE AS posted
	FOR EACH STATEMENT EXECUTE FUNCTION ledger.watch_debits();
CREATE TRIGGER stays BEFORE UPDATE OR TRUNCATE ON ledger.watched_debit
	FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();
COMMENT ON FUNCTION ledger.watch_debits() IS 'Trigger: a debit is watched from its posting on';

-- What is open so far. Whoever posts waits meanwhile: some two seconds for each million of redemptions that there ever were.
INSERT INTO ledger.watched_debit (redemption_id, programme_id, partner, points, redeemed_at)
SELECT e.entry_id, e.programme_id, e.partner, e.points, e.posted_at
FROM ledger.entry e
WHERE e.category = 'Debit By Redemption'
	AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = e.entry_id)
	AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = e.entry_id AND o.outcome = :OUTCOME_CONFIRMED);

CREATE VIEW ledger.maybe_open AS
	SELECT w.redemption_id, p.code AS programme, w.partner, w.points, w.redeemed_at
	FROM ledger.watched_debit w
	LEFT JOIN ledger.programme p ON p.programme_id = w.programme_id;

COMMENT ON VIEW ledger.maybe_open IS 'Contract: redemptions that may be open, each once, as ledger.redemption says them: none that has no answer is missing';

-- A site with a ledger of its own keeps no such list, until it says otherwise: all of its redemptions may be open.
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
			WHERE w.ev_class = 'ledger.redemption'::regclass AND d.refobjid = 'ledger.entry'::regclass) THEN
		CREATE OR REPLACE VIEW ledger.maybe_open AS
			SELECT r.redemption_id::bigint AS redemption_id, r.programme::text AS programme, r.partner::text AS partner, r.points::bigint AS points,
				r.redeemed_at::timestamptz AS redeemed_at
			FROM ledger.redemption r;
	END IF;
END
$$;

CREATE VIEW handback.open_item AS
	SELECT m.redemption_id, m.programme, m.partner, m.points, m.redeemed_at
	FROM ledger.maybe_open m
	WHERE NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = m.redemption_id)
		AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = m.redemption_id AND o.outcome = :OUTCOME_CONFIRMED);
COMMENT ON VIEW handback.open_item IS 'Redemptions that are open now: neither confirmed nor reversed';

-- Takes answered debits off the list of those that may be open, whose reader asks of each whether it is.
CREATE FUNCTION handback.unwatch_answered() RETURNS bigint
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH gone AS (
		DELETE FROM ledger.watched_debit w
		WHERE EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = w.redemption_id)
			OR EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = w.redemption_id AND o.outcome = :OUTCOME_CONFIRMED)
		RETURNING 1)
	SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION handback.unwatch_answered() IS 'Ends the watch over debits that were answered, and says of how many';

-- Of what is open none may be lost, whoever deletes.
CREATE FUNCTION handback.refuse_open_unwatched() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	still bigint;
BEGIN
	SELECT g.redemption_id INTO still
	FROM gone g
	WHERE NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = g.redemption_id)
		AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = g.redemption_id AND o.outcome = :OUTCOME_CONFIRMED)
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'redemption % is open, and stays in ledger.watched_debit', still USING ERRCODE = 'insufficient_privilege';
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER open_ones_stay AFTER DELETE ON ledger.watched_debit REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION handback.refuse_open_unwatched();
COMMENT ON FUNCTION handback.refuse_open_unwatched() IS 'Trigger: only what was answered is taken off the list of what may be open';

REVOKE ALL ON FUNCTION handback.unwatch_answered(), handback.refuse_open_unwatched() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.unwatch_answered() TO handback_nightly;
GRANT SELECT ON ledger.maybe_open, handback.open_item TO handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify;

-- The same, among what is open.
CREATE OR REPLACE FUNCTION handback.unanswered_redemptions(t handback.term, now timestamptz DEFAULT transaction_timestamp())
	RETURNS TABLE (redemption_id bigint, external_reference uuid, points bigint, redeemed_at timestamptz,
		due_at timestamptz, last_reply text, file_id bigint)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH open AS MATERIALIZED (
		-- by itself, so that few are joined with the ledger, and not the ledger with them
		SELECT i.redemption_id
		FROM handback.open_item i
		WHERE t.within_days > 0 AND i.partner = t.partner AND (t.programme IS NULL OR i.programme = t.programme)
			AND i.redeemed_at < (SELECT handback.answers_due_before(t.within_days, t.zone, now, t.holidays))
	), late AS MATERIALIZED (
		SELECT r.redemption_id, r.external_reference, r.outbound_reference, r.partner_reference, r.member, r.points, r.redeemed_at,
			(r.redeemed_at AT TIME ZONE t.zone)::date AS day
		FROM open i
		JOIN ledger.redemption r ON r.redemption_id = i.redemption_id
	), due AS MATERIALIZED (
		SELECT d.day, w.over, handback.covering_file(t, d.day, w.over) AS file_id
		FROM (SELECT DISTINCT day FROM late) d
		CROSS JOIN LATERAL (SELECT handback.business_days_after(d.day::timestamp AT TIME ZONE t.zone, t.within_days, t.zone,
			t.holidays) AS over) w
	), early AS MATERIALIZED (
		-- records that matched none when they came
		SELECT DISTINCT ON (l.redemption_id) l.redemption_id, o.verdict
		FROM late l
		CROSS JOIN LATERAL (VALUES (l.external_reference::text), (l.outbound_reference), (l.partner_reference)) r (reference)
		JOIN handback.outcome o ON o.reference = r.reference AND o.redemption_id IS NULL AND o.outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
		JOIN handback.file f ON f.file_id = o.file_id
		JOIN handback.partner p ON p.partner_id = f.partner_id AND p.code = t.partner
		ORDER BY l.redemption_id, o.decided_at DESC, o.file_id DESC, o.record_no DESC
	), shared AS MATERIALIZED (
		-- records that were about others with the same reference, when this one was not there yet, and decided nothing of them
		SELECT DISTINCT ON (l.redemption_id) l.redemption_id, o.verdict
		FROM late l
		JOIN ledger.redemption r ON r.partner = t.partner AND r.partner_reference = l.partner_reference AND r.redemption_id <> l.redemption_id
		JOIN handback.outcome o ON o.redemption_id = r.redemption_id AND o.reference = l.partner_reference
			AND o.outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
		ORDER BY l.redemption_id, o.decided_at DESC, o.file_id DESC, o.record_no DESC
	), guarded AS MATERIALIZED (
		SELECT DISTINCT ON (g.redemption_id) g.redemption_id, o.verdict
		FROM handback.hold_guarded g
		JOIN handback.hold h USING (hold_id)
		JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
		WHERE g.redemption_id IN (SELECT l.redemption_id FROM late l)
		ORDER BY g.redemption_id, g.hold_id DESC
	), expired AS MATERIALIZED (
		-- records that were never found: what they meant is not known, so they said something of all that they could mean
		SELECT DISTINCT ON (l.redemption_id) l.redemption_id, o.verdict
		FROM handback.hold_end e
		JOIN handback.hold h USING (hold_id)
		JOIN handback.file f USING (file_id)
		JOIN handback.partner p ON p.partner_id = f.partner_id AND p.code = t.partner
		LEFT JOIN handback.hold_stated s USING (hold_id)
		JOIN late l ON (h.points IS NULL OR l.points = h.points) AND (s.member IS NULL OR l.member = s.member)
			AND l.redeemed_at < e.ended_at
		JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
		WHERE e.how = 'unknown_reference_expired'
		ORDER BY l.redemption_id, h.hold_id DESC
	)
	SELECT l.redemption_id, l.external_reference, l.points, l.redeemed_at, due.over,
		(SELECT v.name FROM handback.verdict_name v WHERE v.verdict = coalesce(
			(SELECT o.verdict FROM handback.outcome o
				WHERE o.redemption_id = l.redemption_id AND o.outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
				ORDER BY o.decided_at DESC, o.file_id DESC, o.record_no DESC LIMIT 1), guarded.verdict, early.verdict, shared.verdict, expired.verdict)),
		due.file_id
	FROM late l JOIN due USING (day) LEFT JOIN early USING (redemption_id) LEFT JOIN guarded USING (redemption_id)
		LEFT JOIN shared USING (redemption_id) LEFT JOIN expired USING (redemption_id)
$$;
