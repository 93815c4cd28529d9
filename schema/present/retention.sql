-- Kept copies that nothing needs any more, and their purge.

CREATE TABLE handback.purge (
	file_id  bigint PRIMARY KEY REFERENCES handback.file,
	event_id bigint NOT NULL REFERENCES audit.event
);
COMMENT ON TABLE handback.purge IS 'Files whose kept copy was purged by retention; append-only';
COMMENT ON COLUMN handback.purge.event_id IS 'The event of the nightly run that names them; it comes before the copy goes';

CALL handback_schema.make_append_only('handback.purge');

-- What is true here stays true: a hold that has ended never opens again, and a file is released once.
CREATE VIEW handback.purgeable_copy AS
	SELECT f.file_id, f.state, f.archived_at, f.archived_as
	FROM handback.file f
	WHERE f.archived_at IS NOT NULL
		AND NOT EXISTS (
			SELECT FROM handback.hold h
			LEFT JOIN handback.hold_end e USING (hold_id)
			LEFT JOIN handback.file r ON r.release_of = h.file_id
			WHERE h.file_id = f.file_id AND NOT EXISTS (SELECT FROM handback.hold n WHERE n.reopens = h.hold_id)
				AND (e.hold_id IS NULL OR (e.how = 'released' AND r.archived_at IS NULL)));
COMMENT ON VIEW handback.purgeable_copy IS
	'Archived files that nothing waits for: no hold of them or of their records is open, and what was released is read again';

-- Whoever asks: a copy that is needed is not purged.
CREATE FUNCTION handback.check_purge() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM handback.purgeable_copy u WHERE u.file_id = NEW.file_id) THEN
		RAISE EXCEPTION 'the copy of file % cannot be purged: it is not archived, or something still waits for it', NEW.file_id
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER check_purge BEFORE INSERT ON handback.purge FOR EACH ROW EXECUTE FUNCTION handback.check_purge();
COMMENT ON FUNCTION handback.check_purge() IS 'Trigger: only copies of handback.purgeable_copy are purged';

-- Whoever purges waits for others who do, on a table that nobody else may touch: an advisory lock is anybody's to take.
CREATE TABLE handback_schema.purge_lock ();
COMMENT ON TABLE handback_schema.purge_lock IS 'Has no rows: it is locked by whoever purges copies, until the end of the transaction';
CREATE FUNCTION handback.lock_purge() RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	LOCK TABLE handback_schema.purge_lock IN EXCLUSIVE MODE;
END
$$;
COMMENT ON FUNCTION handback.lock_purge() IS 'Copies are purged by one at a time: until the transaction ends';

-- When the copy of a file was purged; NULL while it is kept.
CREATE FUNCTION handback.purged_at(file bigint) RETURNS timestamptz
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT a.at FROM handback.purge r JOIN audit.event a USING (event_id) WHERE r.file_id = file
$$;
COMMENT ON FUNCTION handback.purged_at(bigint) IS 'When retention purged the kept copy of a file; NULL while it is kept';

-- Where bytes are kept, below a spool: the copy of this file first, then those of other deliveries of the same bytes.
CREATE FUNCTION handback.kept_copies(of_sha256 bytea, first bigint) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT string_agg(c.archived_as, ' ' ORDER BY c.file_id <> first, c.file_id DESC)
	FROM (
		SELECT f.file_id, f.archived_as FROM handback.file f
		WHERE f.sha256 = of_sha256 AND f.archived_as IS NOT NULL
			AND NOT EXISTS (SELECT FROM handback.purge r WHERE r.file_id = f.file_id)
		ORDER BY f.file_id <> first, f.file_id DESC
		LIMIT 8) c
$$;
COMMENT ON FUNCTION handback.kept_copies(bytea, bigint) IS 'Up to eight places where these bytes are kept, those of this file first';

-- The last delivery that was taken for a duplicate while the file of this hold waited; NULL: there is none.
CREATE FUNCTION handback.delivered_meanwhile(h handback.hold) RETURNS bigint
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE life AS (
		SELECT f.file_id, f.release_of FROM handback.file f WHERE f.file_id = h.file_id AND h.record_no IS NULL
		UNION ALL
		SELECT b.file_id, b.release_of FROM life JOIN handback.file b ON b.file_id = life.release_of)
	SELECT max(d.file_id)
	FROM handback.file f
	JOIN handback.file d ON d.sha256 = f.sha256
		AND (d.partner_id, d.profile, d.statement) = (f.partner_id, f.profile, f.statement)
	WHERE f.file_id = h.file_id AND h.record_no IS NULL AND d.state = 'duplicate' AND d.file_id > (SELECT min(file_id) FROM life)
		AND NOT EXISTS (SELECT FROM handback.hold o WHERE o.file_id = d.file_id)
		AND NOT EXISTS (SELECT FROM handback.purge r WHERE r.file_id = d.file_id)
$$;
COMMENT ON FUNCTION handback.delivered_meanwhile(handback.hold) IS
	'The last duplicate that came while this file waited as a whole; when the hold is closed, that one waits instead';

REVOKE ALL ON FUNCTION handback.lock_purge(), handback.purged_at(bigint), handback.kept_copies(bytea, bigint),
	handback.delivered_meanwhile(handback.hold) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.purged_at(bigint) TO handback_daemon, handback_operator, handback_finance,
	handback_nightly, handback_verify;
GRANT EXECUTE ON FUNCTION handback.kept_copies(bytea, bigint) TO handback_daemon, handback_operator, handback_finance;
GRANT EXECUTE ON FUNCTION handback.lock_purge() TO handback_nightly;
GRANT SELECT ON handback.purge, handback.purgeable_copy TO handback_daemon, handback_operator, handback_finance;
GRANT INSERT ON handback.purge TO handback_nightly;
