-- What a file's groups settle ends holds where the file is no older than another: the reconciler says when, as of single records.

SET LOCAL ROLE handback_owner;

CREATE OR REPLACE FUNCTION handback.answer_groups(file bigint, records bigint[], redemptions bigint[], outcomes smallint[]) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	made handback.outcome[];
	leaves bytea[];
	event bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM handback.file f WHERE f.file_id = file AND f.state = 'posted' AND f.decided_at = transaction_timestamp())
		OR EXISTS (
			SELECT FROM unnest(records, outcomes) w (record_no, outcome)
			GROUP BY w.record_no
			HAVING count(*) < 2 OR min(w.outcome) < max(w.outcome)
				OR min(w.outcome) NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_ALREADY_APPLIED)) THEN
		RAISE EXCEPTION 'file % does not answer these redemptions, all of a record alike', file
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	SELECT array_agg(n.o ORDER BY (n.o).record_no, (n.o).redemption_id),
		array_agg(handback.leaf_hash(n.o) ORDER BY (n.o).record_no, (n.o).redemption_id)
	INTO made, leaves
	FROM (
		SELECT ROW(file, o.record_no, 1, o.verdict, w.outcome, o.byte_length, o.byte_offset, w.redemption_id, v.reversal_id, NULL,
			NULL, o.reference, o.reasons, o.detail, transaction_timestamp(), NULL, NULL)::handback.outcome AS o
		FROM unnest(records, redemptions, outcomes) w (record_no, redemption_id, outcome)
		JOIN handback.outcome o ON o.file_id = file AND o.record_no = w.record_no AND o.revision = 0
			AND o.outcome = :OUTCOME_INFORMATIONAL AND o.redemption_id IS NULL
		LEFT JOIN ledger.reversal v ON v.redemption_id = w.redemption_id AND w.outcome = :OUTCOME_REVERSED
		OFFSET 0) n;
	IF cardinality(made) IS DISTINCT FROM cardinality(records) OR EXISTS (
		SELECT FROM unnest(made) m
		JOIN ledger.redemption d ON d.redemption_id = m.redemption_id
		GROUP BY m.record_no
		HAVING NOT starts_with(min(m.detail), format('it answers %s redemptions of %s points', count(*), sum(d.points)))) THEN
		RAISE EXCEPTION 'the records of file % do not say that they answer these redemptions', file
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	event := audit.append_event('group_answered', 'file ' || file, NULL,
		format('%s redemptions of %s records', cardinality(made), (SELECT count(DISTINCT r) FROM unnest(records) r)),
		cardinality(made), audit.merkle_root(leaves));
	INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id, reversal_id,
		reference, reasons, detail, decided_at, event_id, leaf_hash)
	SELECT m.file_id, m.record_no, m.revision, m.verdict, m.outcome, m.byte_length, m.byte_offset, m.redemption_id, m.reversal_id,
		m.reference, m.reasons, m.detail, m.decided_at, event, m.leaf
	FROM unnest(made, leaves) m (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id,
		reversal_id, points, hold_reason, reference, reasons, detail, decided_at, event_id, leaf_hash, leaf);
	RETURN event;
END
$$;
