-- Both sides' files of a batch beside each other; and a large window becomes a batch by what it holds, not by the square of it.

SET LOCAL ROLE handback_owner;

CREATE OR REPLACE FUNCTION points.open_batch(programme integer, partner text, at timestamptz, target text DEFAULT NULL, most integer DEFAULT 1000000)
	RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	t points.partner_now;
	cut_off timestamptz;
	chosen bigint[];
	against record;
	id bigint;
	number integer;
	total bigint;
	event bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM points.waiting w WHERE w.programme_id = programme AND w.partner = open_batch.partner) THEN
		RETURN NULL;
	END IF;
	-- what is being received holds it shared until it is committed: nothing that came before the cut-off is missed
	PERFORM pg_advisory_xact_lock(hashtextextended(format('points.window %s %s', programme, partner), 0));
	SELECT * INTO t FROM points.partner_now n WHERE n.programme_id = programme AND n.partner = open_batch.partner;
	cut_off := points.closed_last(t, at);
	IF NOT t.open OR cut_off IS NULL THEN
		RETURN NULL;
	END IF;
	chosen := ARRAY(SELECT w.request_no FROM points.waiting w JOIN points.request r ON r.request_no = w.request_no
		JOIN ledger.redemption d ON d.redemption_id = r.entry_id
		WHERE w.programme_id = programme AND w.partner = open_batch.partner AND r.received_at < cut_off AND d.redeemed_at < cut_off
			AND (r.not_before IS NULL OR r.not_before <= cut_off)
			AND (open_batch.target IS NULL OR w.retry_at IS NULL OR w.retry_at <= at)
		ORDER BY w.request_no LIMIT most);
	IF cardinality(chosen) = 0 THEN
		RETURN NULL;
	END IF;
	-- whoever reverses one of them now waits for us, or we for it
	PERFORM FROM ledger.balance b WHERE b.member_id IN (SELECT r.payer_id FROM points.request r WHERE r.request_no = ANY (chosen))
		ORDER BY b.member_id FOR NO KEY UPDATE;
	DELETE FROM points.waiting w USING points.request r, ledger.reversal v
	WHERE w.request_no = ANY (chosen) AND r.request_no = w.request_no AND v.redemption_id = r.entry_id;
	FOR against IN SELECT r.request_no, i.reason FROM points.request r
		CROSS JOIN LATERAL points.ineligible(r.programme_id, r.partner, r.member_id, r.account, r.sponsor) i
		WHERE r.request_no = ANY (chosen) AND i.code IS NOT NULL
			AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.entry_id) ORDER BY r.request_no LOOP
		PERFORM points.refuse(against.request_no, 'when it was to be sent: ' || against.reason);
	END LOOP;
	SELECT array_agg(r.request_no ORDER BY r.request_no), sum(r.points) INTO chosen, total FROM points.request r
	WHERE r.request_no = ANY (chosen) AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.entry_id);
	IF chosen IS NULL THEN
		RETURN NULL;
	END IF;
	id := nextval(pg_get_serial_sequence('points.batch', 'batch_no'));
	SELECT coalesce(max(b.sequence), 0) + 1 INTO number FROM points.batch b
	WHERE b.programme_id = programme AND b.partner = open_batch.partner AND (b.target IS NULL) = (open_batch.target IS NULL);
	event := audit.append_event('batch_opened', 'points batch ' || id, NULL,
		format('%s %s%s: %s requests, %s points, received before %s', partner, number, ' to target ' || target, cardinality(chosen), total,
			to_char(cut_off AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
	INSERT INTO points.batch (batch_no, programme_id, partner, sequence, cut_off, opened_at, event_id, target)
	VALUES (id, programme, partner, number, cut_off, audit.event_time(event), event, target);
	INSERT INTO points.sending (request_no, nth, batch_no, place, after_nth, after_result)
	SELECT c.request_no, coalesce(b.nth, 0) + 1, id, c.place, b.nth, CASE WHEN b.nth > 0 THEN 'not_sent' END
	FROM unnest(chosen) WITH ORDINALITY c (request_no, place)
	-- once for all of them: one by one would read what this statement itself has written
	LEFT JOIN (SELECT s.request_no, max(s.nth) AS nth FROM points.sending s WHERE s.request_no = ANY (chosen) GROUP BY s.request_no) b
		ON b.request_no = c.request_no;
	DELETE FROM points.waiting w WHERE w.request_no = ANY (chosen);
	RETURN id;
END
$$;

-- Both sides' files: what each hand-back file of the partner says of a batch, as far as it was applied, beside what was asked for.
CREATE VIEW points.batch_files AS
	WITH answer AS (
		SELECT s.batch_no, r.points AS asked, o.file_id, o.points, o.outcome
		FROM points.sending s JOIN points.request r ON r.request_no = s.request_no
		JOIN handback.outcome o ON o.redemption_id = r.entry_id AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
		UNION ALL
		SELECT s.batch_no, r.points, o.file_id, o.points, o.outcome
		FROM points.sending s JOIN points.request r ON r.request_no = s.request_no
		JOIN handback.outcome o ON o.redemption_id = r.entry_id AND o.outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
	) SELECT a.batch_no, a.file_id, f.name_shown AS file, count(*) AS answers, coalesce(sum(a.points), 0)::bigint AS stated,
		coalesce(sum(a.asked) FILTER (WHERE a.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REINSTATED)), 0)::bigint AS credited,
		coalesce(sum(a.asked) FILTER (WHERE a.outcome = :OUTCOME_REVERSED), 0)::bigint AS reversed,
		coalesce(sum(a.asked) FILTER (WHERE a.outcome = :OUTCOME_HELD), 0)::bigint AS held, f.records
	FROM answer a JOIN handback.file f ON f.file_id = a.file_id
	GROUP BY a.batch_no, a.file_id, f.name_shown, f.records;
COMMENT ON VIEW points.batch_files IS
	'What each file of a partner says of a batch: answers, points as it states them, and as they were asked for by what was decided; records: of the whole file';
GRANT SELECT ON points.batch_files TO handback_finance, handback_verify;
