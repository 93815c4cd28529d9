-- Copies that the spool no longer keeps: removed when they were old enough and nobody could need them any more. The
-- rows of their files stay, hashes and all.

SET LOCAL ROLE handback_owner;

CREATE TABLE handback.removal (
	file_id bigint PRIMARY KEY REFERENCES handback.file,
	event_id  bigint NOT NULL REFERENCES audit.event
);
COMMENT ON TABLE handback.removal IS 'Files whose kept copy was removed by retention; append-only';
COMMENT ON COLUMN handback.removal.event_id IS 'The event of the nightly run that names them; it comes before the copy goes';

CALL handback_schema.make_append_only('handback.removal');

-- What is true here stays true: a hold that has ended never opens again, and a file is released once.
CREATE VIEW handback.unneeded_copy AS
	SELECT f.file_id, f.state, f.archived_at, f.archived_as
	FROM handback.file f
	WHERE f.archived_at IS NOT NULL
		AND NOT EXISTS (
			SELECT FROM handback.hold h
			LEFT JOIN handback.hold_end e USING (hold_id)
			LEFT JOIN handback.file r ON r.release_of = h.file_id
			WHERE h.file_id = f.file_id
				AND (e.hold_id IS NULL OR (e.how = 'released' AND r.archived_at IS NULL)));
COMMENT ON VIEW handback.unneeded_copy IS
	'Archived files that nothing waits for: no hold of them or of their records is open, and what was released is read again';

-- Whoever asks: a copy that is needed is not given up.
CREATE FUNCTION handback.check_removal() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM handback.unneeded_copy u WHERE u.file_id = NEW.file_id) THEN
		RAISE EXCEPTION 'the copy of file % cannot be removed: it is not archived, or something still waits for it', NEW.file_id
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER check_removal BEFORE INSERT ON handback.removal FOR EACH ROW EXECUTE FUNCTION handback.check_removal();
COMMENT ON FUNCTION handback.check_removal() IS 'Trigger: only copies of handback.unneeded_copy are removed';

-- When the copy of a file was given up; NULL while it is kept.
CREATE FUNCTION handback.removed_at(file bigint) RETURNS timestamptz
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT a.at FROM handback.removal r JOIN audit.event a USING (event_id) WHERE r.file_id = file
$$;
COMMENT ON FUNCTION handback.removed_at(bigint) IS 'When retention removed the kept copy of a file; NULL while it is kept';

REVOKE ALL ON FUNCTION handback.removed_at(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.removed_at(bigint) TO handback_daemon, handback_operator, handback_finance;
GRANT SELECT ON handback.removal, handback.unneeded_copy TO handback_daemon, handback_operator, handback_finance;
GRANT INSERT ON handback.removal TO handback_daemon;
