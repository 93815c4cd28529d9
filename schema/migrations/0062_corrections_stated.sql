-- The same correction again is known by all that it states, amounts too, and by one look-up; a void file is held even where its void was closed.

SET LOCAL ROLE handback_owner;

ALTER TABLE handback.correction ADD COLUMN stated bytea CHECK (length(stated) = 32);
DROP INDEX handback.correction_by_name, handback.correction_by_number;
CREATE INDEX correction_by_name ON handback.correction (partner_id, profile, named) WHERE named IS NOT NULL;
CREATE INDEX correction_by_number ON handback.correction (partner_id, profile, named_file) WHERE named IS NULL;
CREATE INDEX correction_by_statement ON handback.correction (partner_id, profile, stated) WHERE stated IS NOT NULL;
COMMENT ON COLUMN handback.correction.stated IS
	'SHA-256 of all that it states, by which the same one again is known; NULL: it is one again itself, or older than this column';

-- What a later record or file may still be: nobody has found it yet, no other says the same, and people did not close it. A void
-- can only be closed, so that says nothing of the file: it is held when it comes, whatever became of that hold.
CREATE OR REPLACE VIEW handback.correction_waiting AS
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
