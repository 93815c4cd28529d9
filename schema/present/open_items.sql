-- What is open: redemptions that nobody has answered.

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
