-- Records that replace earlier ones of the same partner, and files that are void: what they name, and what that is.

CREATE TABLE handback.record_id (
	file_id    bigint  NOT NULL REFERENCES handback.file,
	record_no  bigint  NOT NULL CHECK (record_no > 0),
	partner_id integer NOT NULL REFERENCES handback.partner,
	profile    text    NOT NULL,
	record_id  text    NOT NULL CHECK (record_id <> ''),
	PRIMARY KEY (file_id, record_no)
);
CREATE INDEX record_id_by_name ON handback.record_id (partner_id, profile, record_id);
COMMENT ON TABLE handback.record_id IS 'Partners'' names of their records, where later records may replace them; append-only';

CREATE TABLE handback.correction (
	file_id      bigint  NOT NULL REFERENCES handback.file,
	record_no    bigint  NOT NULL CHECK (record_no > 0),
	partner_id   integer NOT NULL REFERENCES handback.partner,
	profile      text    NOT NULL,
	named        text,
	named_file   bigint,
	named_record bigint,
	stated       bytea CHECK (length(stated) = 32),
	PRIMARY KEY (file_id, record_no)
);
CREATE INDEX correction_by_name ON handback.correction (partner_id, profile, named) WHERE named IS NOT NULL;
CREATE INDEX correction_by_number ON handback.correction (partner_id, profile, named_file) WHERE named IS NULL;
CREATE INDEX correction_by_statement ON handback.correction (partner_id, profile, stated) WHERE stated IS NOT NULL;
COMMENT ON TABLE handback.correction IS 'Records that say that they replace an earlier one, and how they name it; append-only';
COMMENT ON COLUMN handback.correction.named IS 'The partner''s name of the earlier record';
COMMENT ON COLUMN handback.correction.named_file IS 'The number of its file; alone: that file is void';
COMMENT ON COLUMN handback.correction.named_record IS 'Its number in that file';
COMMENT ON COLUMN handback.correction.stated IS
	'SHA-256 of all that it states, by which the same one again is known; NULL: it is one again itself, or older than this column';

CREATE TABLE handback.correction_of (
	file_id          bigint NOT NULL,
	record_no        bigint NOT NULL,
	corrected_file   bigint NOT NULL REFERENCES handback.file,
	corrected_record bigint NOT NULL CHECK (corrected_record >= 0),
	PRIMARY KEY (file_id, record_no, corrected_file, corrected_record),
	FOREIGN KEY (file_id, record_no) REFERENCES handback.correction
);
CREATE INDEX correction_of_corrected ON handback.correction_of (corrected_file, corrected_record);
COMMENT ON TABLE handback.correction_of IS 'Which record a correction replaces, whichever of both came first; append-only';
COMMENT ON COLUMN handback.correction_of.corrected_record IS '0: the whole file, which is void';

CALL handback_schema.make_append_only('handback.record_id');
CALL handback_schema.make_append_only('handback.correction');
CALL handback_schema.make_append_only('handback.correction_of');
CREATE INDEX file_by_number ON handback.file (partner_id, profile, sequence) WHERE sequence IS NOT NULL;

-- What a later record or file may still be: nobody has found it yet, no other says the same, and people did not close it. A void
-- can only be closed, so that says nothing of the file: it is held when it comes, whatever became of that hold.
CREATE VIEW handback.correction_waiting AS
	SELECT c.file_id, c.record_no, c.partner_id, c.profile, c.named, c.named_file, c.named_record, f.period
	FROM handback.correction c
	JOIN handback.file f ON f.file_id = c.file_id
	WHERE NOT EXISTS (SELECT FROM handback.correction_of l WHERE l.file_id = c.file_id AND l.record_no = c.record_no)
		-- one that repeats another is not meant twice
		AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.file_id = c.file_id AND o.record_no = c.record_no AND o.revision = 0
			AND o.outcome = :OUTCOME_DUPLICATE_RECORD)
		AND ((c.named IS NULL AND c.named_record IS NULL) OR NOT EXISTS (
			SELECT FROM handback.hold h JOIN handback.hold_end e ON e.hold_id = h.hold_id
			WHERE h.file_id = c.file_id AND h.record_no = c.record_no AND e.how = 'closed'
				AND NOT EXISTS (SELECT FROM handback.hold n WHERE n.reopens = h.hold_id)));
COMMENT ON VIEW handback.correction_waiting IS 'Corrections of what is not there, or not clear; period: of the file that says so';

-- What a delivery of the same identity (partner, profile, bytes and statement) repeats: a file that was posted, or that
-- waits as a whole. One that was closed is decided again, and so is one that its partner called void since; one that was
-- released counts as its release.
CREATE FUNCTION handback.file_counts(f handback.file) RETURNS boolean
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE f.state
		WHEN 'posted' THEN NOT EXISTS (SELECT FROM handback.correction_of c
			WHERE c.corrected_file = f.file_id AND c.corrected_record = 0 AND c.file_id > f.file_id)
		WHEN 'held' THEN NOT EXISTS (
			SELECT FROM handback.hold h
			JOIN handback.hold_end e USING (hold_id)
			WHERE h.file_id = f.file_id AND h.record_no IS NULL
				AND (e.how = 'closed' OR EXISTS (SELECT FROM handback.file r WHERE r.release_of = f.file_id)))
		ELSE false END
$$;
COMMENT ON FUNCTION handback.file_counts(handback.file) IS
	'Is the file posted, and not void, or does it wait as a whole? Then the same delivery again is a duplicate of it';

-- What is replaced waits no longer, where the record that replaces it was decided; and nothing of a void file does.
CREATE FUNCTION handback.overtake_by_corrections(file bigint) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	holds bigint[];
	links text[];
BEGIN
	SELECT array_agg(w.hold_id ORDER BY w.hold_id), array_agg(w.link ORDER BY w.hold_id) INTO holds, links
	FROM (
		SELECT DISTINCT ON (h.hold_id) h.hold_id, CASE WHEN c.corrected_record = 0 THEN 'its file is void' ELSE 'it is replaced' END
			|| format(' by record %s of file %s', c.record_no, c.file_id) AS link
		FROM handback.correction_of c
		JOIN handback.outcome o ON o.file_id = c.file_id AND o.record_no = c.record_no AND o.revision = 0
		JOIN handback.file f ON f.file_id = c.file_id
		JOIN handback.file d ON d.file_id = c.corrected_file AND d.partner_id = f.partner_id AND d.file_id < f.file_id
		JOIN handback.hold h ON h.file_id = c.corrected_file AND h.record_no > 0
			AND (h.record_no = c.corrected_record OR c.corrected_record = 0)
		WHERE c.file_id = file AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
			AND CASE WHEN c.corrected_record = 0 THEN o.hold_reason = 'file_void'
				-- informational is what takes a word back, or an older file's that says what is done; what repeats one on hold is neither
				ELSE o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_ALREADY_APPLIED, :OUTCOME_INFORMATIONAL) END
		ORDER BY h.hold_id, c.record_no) w;
	RETURN handback.end_overtaken(holds, links, 'file ' || file);
END
$$;
COMMENT ON FUNCTION handback.overtake_by_corrections(bigint) IS
	'Ends holds of the records that this file''s replace, and of files that it says are void; gives how many';

-- What a void file did, a hold for each of its records, from a record on and at most a piece of them: people then decide them
-- as any other holds, many in one proposal. One person opens them, since that moves nothing. What is not opened is counted, by
-- why: settled otherwise since; said by another file of the partner, too, which stands by itself; deemed accepted by it; and what
-- was answered in parts or as a group, of which no record stands for one redemption. behind: where the next piece begins; NULL:
-- that was the last.
CREATE FUNCTION handback.open_void(hold bigint, why text, after bigint DEFAULT 0, OUT event bigint, OUT opened bigint, OUT settled bigint,
		OUT said_too bigint, OUT deemed bigint, OUT in_parts bigint, OUT in_groups bigint, OUT behind bigint)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_variable
DECLARE
	h handback.hold;
	void handback.file;
	made handback.outcome[];
	leaves bytea[];
BEGIN
	PERFORM handback.lock_partners(ARRAY[hold]);
	SELECT * INTO h FROM handback.lock_holds(ARRAY[hold]);
	IF NOT EXISTS (SELECT FROM handback.correction c WHERE c.file_id = h.file_id AND c.record_no = h.record_no) OR h.reason <> 'file_void' THEN
		RAISE EXCEPTION 'hold %: its record does not say that a file is void', hold USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	SELECT f.* INTO void FROM handback.correction_of c JOIN handback.file f ON f.file_id = c.corrected_file
	WHERE c.file_id = h.file_id AND c.record_no = h.record_no AND c.corrected_record = 0;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'hold %: the file that its record calls void has not come', hold USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	behind := CASE WHEN after + handback.piece_size() < void.records THEN after + handback.piece_size() END;
	WITH last AS MATERIALIZED (
		SELECT DISTINCT ON (o.record_no, o.redemption_id) o, max(o.revision) OVER (PARTITION BY o.record_no) AS newest
		FROM handback.outcome o
		WHERE o.file_id = void.file_id AND o.record_no BETWEEN CASE WHEN after > 0 THEN after + 1 ELSE 0 END AND after + handback.piece_size()
		ORDER BY o.record_no, o.redemption_id, o.revision DESC
	), judged AS MATERIALIZED (
		SELECT l.o, l.newest, CASE
				WHEN handback.redemption_state((l.o).redemption_id)
					<> CASE (l.o).outcome WHEN :OUTCOME_CONFIRMED THEN 'confirmed' ELSE 'reversed' END THEN 'settled'
				WHEN (l.o).record_no = 0 THEN 'deemed'
				WHEN EXISTS (SELECT FROM handback.answer_part p WHERE p.file_id = void.file_id AND p.record_no = (l.o).record_no) THEN 'in_parts'
				WHEN count(*) OVER (PARTITION BY (l.o).record_no) > 1 THEN 'in_group'
				WHEN EXISTS (
					SELECT FROM handback.outcome a
					WHERE a.redemption_id = (l.o).redemption_id AND a.outcome = :OUTCOME_ALREADY_APPLIED AND a.file_id <> void.file_id
						AND (a.verdict = :VERDICT_REJECTED) = ((l.o).outcome = :OUTCOME_REVERSED)
						AND NOT EXISTS (SELECT FROM handback.correction_of c WHERE c.corrected_file = a.file_id AND c.corrected_record = 0))
					THEN 'said_too'
				ELSE 'opened'
			END AS fate
		FROM last l
		WHERE (l.o).outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED)
			-- what was opened before, and decided
			AND NOT EXISTS (SELECT FROM handback.hold k WHERE k.file_id = void.file_id AND k.record_no = (l.o).record_no
				AND k.reason = 'file_void' AND k.opened_at >= h.opened_at)
	), fresh AS MATERIALIZED (
		SELECT ROW((j.o).file_id, (j.o).record_no, j.newest + 1, (j.o).verdict, :OUTCOME_HELD, (j.o).byte_length, (j.o).byte_offset,
			(j.o).redemption_id, NULL, (j.o).points, 'file_void', (j.o).reference, (j.o).reasons,
			format('its file is void by record %s of file %s', h.record_no, h.file_id), transaction_timestamp(), NULL,
			NULL)::handback.outcome AS o
		FROM judged j WHERE j.fate = 'opened'
	)
	SELECT array_agg(f.o ORDER BY (f.o).record_no), array_agg(handback.leaf_hash(f.o) ORDER BY (f.o).record_no), count(*),
		(SELECT count(*) FROM judged j WHERE j.fate = 'settled'), (SELECT count(*) FROM judged j WHERE j.fate = 'said_too'),
		(SELECT count(*) FROM judged j WHERE j.fate = 'deemed'),
		-- one of the parts has the answer, here or in another file
		(SELECT count(DISTINCT p.redemption_id) FROM handback.answer_part p WHERE p.file_id = void.file_id
			AND p.record_no BETWEEN after + 1 AND after + handback.piece_size()
			AND handback.redemption_state(p.redemption_id) IN ('confirmed', 'reversed')),
		(SELECT count(*) FROM judged j WHERE j.fate = 'in_group')
	INTO made, leaves, opened, settled, said_too, deemed, in_parts, in_groups
	FROM fresh f;
	IF opened = 0 THEN
		RETURN;
	END IF;
	event := audit.append_event('void_opened', 'hold ' || hold, why, format('%s records of file %s', opened, void.file_id)
			|| CASE WHEN settled + said_too + deemed + in_parts + in_groups > 0 THEN format('; of others %s settled otherwise since, %s said by another'
				' file, too, %s deemed accepted, %s answered in parts, %s in groups', settled, said_too, deemed, in_parts, in_groups) ELSE '' END,
		opened, audit.merkle_root(leaves));
	INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id, points,
		hold_reason, reference, reasons, detail, decided_at, event_id, leaf_hash)
	SELECT m.file_id, m.record_no, m.revision, m.verdict, m.outcome, m.byte_length, m.byte_offset, m.redemption_id, m.points,
		m.hold_reason, m.reference, m.reasons, m.detail, m.decided_at, event, m.leaf
	FROM unnest(made, leaves) m (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id,
		reversal_id, points, hold_reason, reference, reasons, detail, decided_at, event_id, leaf_hash, leaf);
	-- a record that was on hold has its hold opened again
	INSERT INTO handback.hold (file_id, record_no, reason, redemption_id, points, opened_at, reopens)
	SELECT m.file_id, m.record_no, m.hold_reason, m.redemption_id, d.points, t.at,
		(SELECT max(k.hold_id) FROM handback.hold k WHERE k.file_id = m.file_id AND k.record_no = m.record_no)
	FROM audit.event_time(event) t (at), unnest(made) m
	JOIN ledger.redemption d ON d.redemption_id = m.redemption_id
	ORDER BY m.record_no;
END
$$;
COMMENT ON FUNCTION handback.open_void(bigint, text, bigint) IS
	'Opens a hold for each record by which a void file still stands, piece by piece; gives the event, how many, and how many not, by why';

REVOKE ALL ON FUNCTION handback.overtake_by_corrections(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION handback.open_void(bigint, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.open_void(bigint, text, bigint) TO handback_operator;
GRANT EXECUTE ON FUNCTION handback.file_counts(handback.file) TO handback_daemon, handback_operator, handback_finance, handback_nightly,
	handback_verify;
GRANT EXECUTE ON FUNCTION handback.overtake_by_corrections(bigint) TO handback_daemon;
GRANT SELECT ON handback.record_id, handback.correction, handback.correction_of, handback.correction_waiting TO handback_daemon, handback_operator, handback_finance;
GRANT INSERT ON handback.record_id, handback.correction, handback.correction_of TO handback_daemon;
