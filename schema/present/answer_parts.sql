-- Redemptions that are answered in parts, two legs or two gift cards: the parts, and what they come to.

CREATE TABLE handback.answer_part (
	file_id       bigint   NOT NULL REFERENCES handback.file,
	record_no     bigint   NOT NULL CHECK (record_no > 0),
	redemption_id bigint   NOT NULL,
	part          text     NOT NULL CHECK (part <> ''),
	attempt       smallint NOT NULL CHECK (attempt >= 0),
	points        bigint   NOT NULL CHECK (points > 0),
	rejected      boolean  NOT NULL,
	PRIMARY KEY (file_id, record_no),
	-- a part counts once, and once more each time that what came of it was closed
	CONSTRAINT part_once UNIQUE (redemption_id, part, attempt)
);
COMMENT ON TABLE handback.answer_part IS 'Parts of the answer of one redemption, each by its record; append-only';
COMMENT ON COLUMN handback.answer_part.part IS 'What the partner calls it: its reference, or the record and file where it has none';
COMMENT ON COLUMN handback.answer_part.attempt IS 'How often the same part had come before, and was closed by people';
COMMENT ON COLUMN handback.answer_part.points IS 'As the partner stated them; those that count sum to the debit where it is answered by them';
COMMENT ON COLUMN handback.answer_part.rejected IS 'Is this part rejected? All that count say the same where they answer their redemption';

CALL handback_schema.make_append_only('handback.answer_part');

-- A part of a file that its partner called void before it was whole: by the transaction that ended its hold.
CREATE FUNCTION handback.is_void_part(file bigint, record bigint) RETURNS boolean
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (
		SELECT FROM handback.correction_of c
		JOIN handback.hold w ON w.file_id = c.file_id AND w.record_no = c.record_no AND w.reason = 'file_void'
		JOIN handback.file v ON v.file_id = c.file_id
		JOIN handback.hold h ON h.file_id = c.corrected_file AND h.record_no = record
		JOIN handback.hold_end e ON e.hold_id = h.hold_id AND e.how = 'overtaken' AND e.ended_at = v.decided_at
		WHERE c.corrected_file = file AND c.corrected_record = 0)
$$;
COMMENT ON FUNCTION handback.is_void_part(bigint, bigint) IS 'Did a record''s hold end because its file was called void?';
GRANT EXECUTE ON FUNCTION handback.is_void_part(bigint, bigint) TO handback_daemon, handback_operator, handback_finance, handback_nightly,
	handback_verify;

-- The parts that count: all but those whose hold people ended, or that are void.
CREATE FUNCTION handback.counted_parts(redemption bigint) RETURNS SETOF handback.answer_part
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.* FROM handback.answer_part p
	WHERE p.redemption_id = redemption AND NOT handback.is_void_part(p.file_id, p.record_no) AND NOT EXISTS (
		SELECT FROM handback.hold h JOIN handback.hold_end e USING (hold_id)
		WHERE h.file_id = p.file_id AND h.record_no = p.record_no AND e.how IN ('confirmed', 'reversed', 'reinstated', 'credited', 'closed'))
$$;
COMMENT ON FUNCTION handback.counted_parts(bigint) IS 'The parts of a redemption''s answer that count';

-- By the time of COMMIT: no part counts twice, and a redemption that is answered by a part is answered by all of them, whole.
CREATE FUNCTION handback.check_answer_part() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	all_parts record;
	debit bigint;
BEGIN
	SELECT count(*) AS parts, count(DISTINCT c.part) AS kinds, sum(c.points) AS points, count(DISTINCT c.rejected) AS answers INTO all_parts
	FROM handback.counted_parts(NEW.redemption_id) c;
	IF all_parts.kinds < all_parts.parts THEN
		RAISE EXCEPTION 'part % of redemption % counts twice', NEW.part, NEW.redemption_id
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	IF EXISTS (SELECT FROM handback.outcome o
			WHERE o.redemption_id = NEW.redemption_id AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED)
				AND o.file_id = NEW.file_id AND o.record_no = NEW.record_no) THEN
		SELECT d.points INTO STRICT debit FROM ledger.redemption d WHERE d.redemption_id = NEW.redemption_id;
		IF all_parts.points <> debit OR all_parts.answers <> 1 THEN
			RAISE EXCEPTION 'redemption % of % points is answered by parts that come to %', NEW.redemption_id, debit, all_parts.points
				USING ERRCODE = 'integrity_constraint_violation';
		END IF;
	END IF;
	RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER check_answer_part AFTER INSERT ON handback.answer_part
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION handback.check_answer_part();

GRANT SELECT ON handback.answer_part TO handback_daemon, handback_operator, handback_finance;
GRANT INSERT ON handback.answer_part TO handback_daemon, handback_nightly;
GRANT EXECUTE ON FUNCTION handback.counted_parts(bigint) TO handback_daemon, handback_operator, handback_finance, handback_nightly,
	handback_verify;

-- What records of groups answer: an outcome for each redemption, one event over them. records, redemptions, outcomes: side by
-- side. Only of a file that is decided in this very transaction, of records that it has as answers of groups.
CREATE FUNCTION handback.answer_groups(file bigint, records bigint[], redemptions bigint[], outcomes smallint[]) RETURNS bigint
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
COMMENT ON FUNCTION handback.answer_groups(bigint, bigint[], bigint[], smallint[]) IS
	'Writes what the records of a file that answer groups of redemptions come to, all of a group or none; gives the event''s number';
REVOKE ALL ON FUNCTION handback.answer_groups(bigint, bigint[], bigint[], smallint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.answer_groups(bigint, bigint[], bigint[], smallint[]) TO handback_daemon;
