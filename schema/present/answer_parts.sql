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

-- The parts that count: all but those whose hold people ended.
CREATE FUNCTION handback.counted_parts(redemption bigint) RETURNS SETOF handback.answer_part
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.* FROM handback.answer_part p
	WHERE p.redemption_id = redemption AND NOT EXISTS (
		SELECT FROM handback.hold h JOIN handback.hold_end e USING (hold_id)
		WHERE h.file_id = p.file_id AND h.record_no = p.record_no AND e.how IN ('confirmed', 'reversed', 'reinstated', 'closed'))
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
