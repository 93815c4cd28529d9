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

REVOKE ALL ON FUNCTION handback.overtake_by_corrections(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.overtake_by_corrections(bigint) TO handback_daemon;
GRANT SELECT ON handback.record_id, handback.correction, handback.correction_of, handback.correction_waiting TO handback_daemon, handback_operator, handback_finance;
GRANT INSERT ON handback.record_id, handback.correction, handback.correction_of TO handback_daemon;
