-- What a file is: the same bytes of one partner by one profile that state the same number, day and part. A duplicate repeats
-- one that is posted or waits as a whole; everything else is decided again. People can say that a duplicate is none.

SET LOCAL ROLE handback_owner;

ALTER TABLE handback.file
	ADD COLUMN statement text NOT NULL DEFAULT '',
	ADD COLUMN again_of bigint REFERENCES handback.file,
	ADD CONSTRAINT again_is_decided CHECK (again_of IS NULL OR (state <> 'duplicate' AND release_of IS NULL));
DROP INDEX handback.file_content;
CREATE UNIQUE INDEX file_identity ON handback.file (partner_id, profile, sha256, statement)
	WHERE state <> 'duplicate' AND release_of IS NULL AND again_of IS NULL;
CREATE UNIQUE INDEX file_again ON handback.file (again_of) WHERE again_of IS NOT NULL;
COMMENT ON TABLE handback.file IS 'One row for each delivery, and one for each time that one was released';
COMMENT ON COLUMN handback.file.sha256 IS 'Of its bytes; with partner, profile and statement it says which file it is';
COMMENT ON COLUMN handback.file.state IS 'posted: decided, record by record. held: refused whole, nothing posted. duplicate: it repeats one that is posted, or waits as a whole';
COMMENT ON COLUMN handback.file.duplicate_of IS 'The file that it repeats';
COMMENT ON COLUMN handback.file.statement IS 'What its name says of number, day and part: part of which file it is';
COMMENT ON COLUMN handback.file.again_of IS 'The same delivery as it came before and was closed';

-- What a delivery of the same identity (partner, profile, bytes and statement) repeats: a file that was posted, or that
-- waits as a whole. One that was closed is decided again; one that was released counts as its release.
CREATE FUNCTION handback.file_counts(f handback.file) RETURNS boolean
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT f.state = 'posted' OR (f.state = 'held' AND NOT EXISTS (
		SELECT FROM handback.hold h
		JOIN handback.hold_end e USING (hold_id)
		WHERE h.file_id = f.file_id AND h.record_no IS NULL
			AND (e.how = 'closed' OR EXISTS (SELECT FROM handback.file r WHERE r.release_of = f.file_id))))
$$;
COMMENT ON FUNCTION handback.file_counts(handback.file) IS 'Is the file posted, or does it wait as a whole? Then the same delivery again is a duplicate of it';

-- What is decided again is the same delivery as one that was closed, and repeats none that counts.
CREATE FUNCTION handback.check_again() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (
		SELECT FROM handback.file f
		WHERE f.file_id = NEW.again_of AND f.file_id < NEW.file_id AND f.state <> 'duplicate' AND f.release_of IS NULL
			AND (f.partner_id, f.profile, f.sha256, f.statement) = (NEW.partner_id, NEW.profile, NEW.sha256, NEW.statement))
		OR EXISTS (
		SELECT FROM handback.file f
		WHERE f.sha256 = NEW.sha256 AND (f.partner_id, f.profile, f.statement) = (NEW.partner_id, NEW.profile, NEW.statement)
			AND f.file_id < NEW.file_id AND handback.file_counts(f)) THEN
		RAISE EXCEPTION 'file % says that it is file %, decided again: that is not so', NEW.file_id, NEW.again_of
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER check_again AFTER INSERT ON handback.file
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.again_of IS NOT NULL)
	EXECUTE FUNCTION handback.check_again();

-- What a file is not held for again. Who says of a duplicate of a posted file that it is none knows that its number was there.
CREATE OR REPLACE FUNCTION handback.waived_checks(released bigint) RETURNS text[]
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE held AS (
		SELECT f.release_of, f.hold_reason, f.duplicate_of FROM handback.file f WHERE f.file_id = released
		UNION ALL
		SELECT b.release_of, b.hold_reason, b.duplicate_of FROM held JOIN handback.file b ON b.file_id = held.release_of)
	SELECT array_agg(coalesce(hold_reason, CASE
		WHEN EXISTS (SELECT FROM handback.file d WHERE d.file_id = held.duplicate_of AND d.state = 'posted') THEN 'resubmission' END))
	FROM held
$$;

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

INSERT INTO handback.hold_reason (reason, meaning, action_required) VALUES
	('not_a_duplicate', 'it came as a duplicate, and is said to be none, or what it repeats was closed',
		'release it to have it decided by itself, or close it');

-- A file that came as a duplicate and is to be decided by itself: a hold, which is then released or closed as any other.
CREATE FUNCTION handback.open_duplicate(file bigint, why text, detail text) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	hold bigint := nextval('handback.hold_hold_id_seq');
	event bigint := audit.append_event('not_a_duplicate', 'file ' || file, why, detail);
BEGIN
	INSERT INTO handback.hold (hold_id, file_id, reason, opened_at)
	VALUES (hold, file, 'not_a_duplicate', audit.event_time(event));
	RETURN hold;
END
$$;
COMMENT ON FUNCTION handback.open_duplicate(bigint, text, text) IS 'Puts a duplicate on hold, so that it can be released and decided; gives the hold''s number';

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

CREATE FUNCTION handback.not_a_duplicate(file bigint, why text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	f handback.file;
	hold bigint;
BEGIN
	SELECT * INTO f FROM handback.file WHERE file_id = file;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such file: %', file USING ERRCODE = 'no_data_found';
	END IF;
	PERFORM handback.lock_partner(p.code) FROM handback.partner p WHERE p.partner_id = f.partner_id;
	IF f.state <> 'duplicate' THEN
		RAISE EXCEPTION 'file % is %: it was not taken for a duplicate', file, f.state USING ERRCODE = 'object_not_in_prerequisite_state';
	ELSIF EXISTS (SELECT FROM handback.purge r WHERE r.file_id = file) THEN
		RAISE EXCEPTION 'the copy of file % was purged by retention: have the partner send it again', file
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	SELECT h.hold_id INTO hold FROM handback.hold h WHERE h.file_id = file AND h.record_no IS NULL;
	RETURN handback.propose(ARRAY[coalesce(hold, handback.open_duplicate(file, why,
		format('file %s says the same as file %s', file, f.duplicate_of)))], 'release', why);
END
$$;
COMMENT ON FUNCTION handback.not_a_duplicate(bigint, text) IS
	'Says that a file that was taken for a duplicate is none, and proposes to release it; gives the proposal''s number';

CREATE OR REPLACE FUNCTION handback.approve(proposal bigint, comment text DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	p handback.proposal := handback.open_proposal(proposal);
	h handback.hold;
	o handback.outcome;
	made handback.outcome[] := '{}';
	leaves bytea[] := '{}';
	chosen bigint[] := ARRAY(SELECT hold_id FROM handback.proposal_hold WHERE proposal_id = proposal);
	about bigint;
	hold_before bigint;
	about_before bigint;
	against text;
	event bigint;
BEGIN
	PERFORM handback.lock_partners(chosen);
	FOR h IN SELECT l.* FROM handback.lock_holds(chosen) l
		ORDER BY coalesce(p.redemption_id, l.redemption_id), l.hold_id LOOP
		about := coalesce(p.redemption_id, h.redemption_id);
		IF p.decision <> 'close' AND about = about_before THEN
			RAISE EXCEPTION 'holds % and % are of one redemption, %: propose one of them, and close the other',
				hold_before, h.hold_id, about USING ERRCODE = 'object_not_in_prerequisite_state';
		END IF;
		hold_before := h.hold_id;
		about_before := about;
		against := handback.refusal_reason(p.decision, h, about);
		IF against IS NOT NULL THEN
			RAISE EXCEPTION 'hold %: %', h.hold_id, against USING ERRCODE = 'object_not_in_prerequisite_state';
		END IF;
		IF h.record_no IS NOT NULL THEN
			made := made || handback.decided_row(p.decision, h, about);
		END IF;
	END LOOP;
	leaves := ARRAY(SELECT (m).leaf_hash FROM unnest(made) m ORDER BY (m).file_id, (m).record_no, (m).revision);
	event := audit.append_event('approved', 'proposal ' || proposal, comment,
		format('%s %s holds of %s points, proposed by %s', p.decision, p.holds, p.points, p.proposed_by),
		cardinality(leaves), audit.merkle_root(leaves));
	FOREACH o IN ARRAY made LOOP
		o.event_id := event;
		INSERT INTO handback.outcome SELECT o.*;
	END LOOP;
	INSERT INTO handback.hold_end (hold_id, ended_at, how)
	SELECT hold_id, audit.event_time(event), CASE p.decision WHEN 'confirm' THEN 'confirmed' WHEN 'reverse' THEN 'reversed'
		WHEN 'reinstate' THEN 'reinstated' WHEN 'release' THEN 'released' ELSE 'closed' END
	FROM handback.proposal_hold WHERE proposal_id = proposal;
	-- what came while a file waited was taken for a duplicate of it: closed, it repeats nothing, and waits for people itself
	IF p.decision = 'close' THEN
		PERFORM handback.open_duplicate(w.file, comment, format('file %s, which it repeats, was closed', w.closed))
		FROM (SELECT DISTINCT ON (handback.delivered_meanwhile(l)) handback.delivered_meanwhile(l) AS file, l.file_id AS closed
			FROM handback.hold l JOIN handback.file f USING (file_id)
			WHERE l.hold_id = ANY (chosen) AND l.record_no IS NULL AND f.state = 'held'
			ORDER BY 1, l.file_id) w
		WHERE w.file IS NOT NULL;
	END IF;
	INSERT INTO handback.proposal_end (proposal_id, proposed_by, how, why, ended_at, event_id)
	VALUES (proposal, p.proposed_by, 'approved', comment, audit.event_time(event), event);
	RETURN event;
END
$$;

REVOKE ALL ON FUNCTION handback.open_duplicate(bigint, text, text), handback.delivered_meanwhile(handback.hold),
	handback.not_a_duplicate(bigint, text), handback.kept_copies(bytea, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.kept_copies(bytea, bigint) TO handback_daemon, handback_operator, handback_finance;
GRANT EXECUTE ON FUNCTION handback.not_a_duplicate(bigint, text) TO handback_operator;
GRANT EXECUTE ON FUNCTION handback.file_counts(handback.file) TO handback_daemon, handback_operator, handback_finance,
	handback_nightly, handback_verify;
