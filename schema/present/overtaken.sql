-- Holds that end by themselves: their redemption was settled otherwise, and what was settled is what their record asks for.

-- The outcome that stands now of each of these holds' records. By each file's range of records: the table has no index of
-- single ones.
CREATE FUNCTION handback.last_outcomes(holds bigint[]) RETURNS TABLE (hold_id bigint, o handback.outcome)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
	SET jit = off AS $$
	WITH wanted AS MATERIALIZED (
		SELECT h.hold_id, h.file_id, h.record_no FROM handback.hold h WHERE h.hold_id = ANY (holds) AND h.record_no IS NOT NULL
	), span AS MATERIALIZED (
		SELECT file_id, min(record_no) AS first, max(record_no) AS last FROM wanted GROUP BY file_id
	)
	SELECT DISTINCT ON (w.hold_id) w.hold_id, r.o
	FROM span s
	CROSS JOIN LATERAL (
		SELECT o FROM handback.outcome o
		WHERE o.file_id = s.file_id AND o.record_no BETWEEN s.first AND s.last
		OFFSET 0) r
	JOIN wanted w ON w.file_id = (r.o).file_id AND w.record_no = (r.o).record_no
	ORDER BY w.hold_id, (r.o).revision DESC
$$;
COMMENT ON FUNCTION handback.last_outcomes(bigint[]) IS 'The newest outcome of the records of these holds';

-- Does a record ask for what its redemption is by now? One that decides nothing, or that the partner wants to be asked
-- again, is answered by any end.
CREATE FUNCTION handback.says_so(verdict smallint, reason text, state text) RETURNS boolean
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN state = 'open' OR reason IN ('correction', 'file_void') THEN false   -- what is replaced may be of another redemption
		WHEN verdict = :VERDICT_PENDING OR reason = 'reason_retry' THEN true
		WHEN verdict = :VERDICT_REJECTED THEN state = 'reversed'
		ELSE state IN ('confirmed', 'reinstated')
	END
$$;
COMMENT ON FUNCTION handback.says_so(smallint, text, text) IS 'Does a record on hold ask for what its redemption is by now?';

-- A proposal of which no hold is open any more can never be approved: whatever ended the last one withdraws it.
CREATE FUNCTION handback.withdraw_proposals() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p handback.proposal;
	event bigint;
	reason CONSTANT text := 'none of its holds is open any more';
BEGIN
	FOR p IN SELECT * FROM handback.proposal q
		WHERE q.proposal_id IN (SELECT ph.proposal_id FROM ended e JOIN handback.proposal_hold ph ON ph.hold_id = e.hold_id)
			AND NOT EXISTS (SELECT FROM handback.proposal_end x WHERE x.proposal_id = q.proposal_id)
		ORDER BY q.proposal_id LOOP
		CONTINUE WHEN EXISTS (SELECT FROM handback.proposal_hold ph WHERE ph.proposal_id = p.proposal_id
			AND NOT EXISTS (SELECT FROM handback.hold_end x WHERE x.hold_id = ph.hold_id));
		event := audit.append_event('withdrawn', 'proposal ' || p.proposal_id, reason,
			format('%s %s holds of %s points, proposed by %s', p.decision, p.holds, p.points, p.proposed_by));
		INSERT INTO handback.proposal_end (proposal_id, proposed_by, how, why, ended_at, event_id)
		VALUES (p.proposal_id, p.proposed_by, 'withdrawn', reason, audit.event_time(event), event);
	END LOOP;
	RETURN NULL;
END
$$;
CREATE TRIGGER withdraw_proposals AFTER INSERT ON handback.hold_end REFERENCING NEW TABLE AS ended
	FOR EACH STATEMENT EXECUTE FUNCTION handback.withdraw_proposals();
COMMENT ON FUNCTION handback.withdraw_proposals() IS 'Trigger: ends proposals of which no hold is open any more';

-- Ends these holds: a later outcome of each record that says by what, one event over them. about: what settled them.
CREATE FUNCTION handback.end_overtaken(holds bigint[], links text[], about text) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	made handback.outcome[];
	leaves bytea[];
	event bigint;
BEGIN
	IF coalesce(cardinality(holds), 0) = 0 THEN
		RETURN 0;
	END IF;
	SELECT array_agg(n.o ORDER BY (n.o).file_id, (n.o).record_no),
		array_agg(handback.leaf_hash(n.o) ORDER BY (n.o).file_id, (n.o).record_no)
	INTO made, leaves
	FROM (
		SELECT ROW((l.o).file_id, (l.o).record_no, (l.o).revision + 1, (l.o).verdict, :OUTCOME_CLOSED, (l.o).byte_length,
			(l.o).byte_offset, h.redemption_id, NULL, (l.o).points, NULL, (l.o).reference, (l.o).reasons, w.link,
			transaction_timestamp(), NULL, NULL)::handback.outcome AS o
		FROM unnest(holds, links) w (hold_id, link)
		JOIN handback.hold_now h ON h.hold_id = w.hold_id
		JOIN handback.last_outcomes(holds) l ON l.hold_id = w.hold_id
		OFFSET 0) n;
	event := audit.append_event('overtaken', about, NULL, format('%s holds whose redemption it settled', cardinality(made)),
		cardinality(made), audit.merkle_root(leaves));
	INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id, points,
		reference, reasons, detail, decided_at, event_id, leaf_hash)
	SELECT m.file_id, m.record_no, m.revision, m.verdict, m.outcome, m.byte_length, m.byte_offset, m.redemption_id, m.points,
		m.reference, m.reasons, m.detail, m.decided_at, event, m.leaf
	FROM unnest(made, leaves) m (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id,
		reversal_id, points, hold_reason, reference, reasons, detail, decided_at, event_id, leaf_hash, leaf);
	INSERT INTO handback.hold_end (hold_id, how) SELECT w, 'overtaken' FROM unnest(holds) w;
	RETURN cardinality(made);
END
$$;
COMMENT ON FUNCTION handback.end_overtaken(bigint[], text[], text) IS
	'Ends holds whose redemption was settled otherwise, each with what settled it; gives how many';

-- The open holds about these redemptions.
CREATE FUNCTION handback.holds_about(redemptions bigint[]) RETURNS bigint[]
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(array_agg(c.hold_id), '{}')
	FROM (
		SELECT h.hold_id FROM handback.hold h WHERE h.redemption_id = ANY (redemptions)
		UNION SELECT g.hold_id FROM handback.hold_guarded g WHERE g.redemption_id = ANY (redemptions)
		UNION SELECT u.hold_id FROM handback.hold_found u WHERE u.redemption_id = ANY (redemptions)) c
	WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = c.hold_id)
$$;
COMMENT ON FUNCTION handback.holds_about(bigint[]) IS 'The open holds about these redemptions';

-- A file that is decided now, and is older than none: what it settles ends the holds of earlier files that say the same, or
-- that the partner said in these very words. A hold that says the opposite stays: both are the partner's word, and as clear
-- records they would have been a contradiction. redemptions: those of its records; NULL: a file so large that
-- its partner's open holds are fewer.
CREATE FUNCTION handback.overtake_by_file(file bigint, redemptions bigint[]) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	f handback.file;
	candidates bigint[];
	holds bigint[];
	links text[];
BEGIN
	SELECT * INTO STRICT f FROM handback.file WHERE file_id = file;
	IF redemptions IS NULL THEN
		redemptions := ARRAY(
			SELECT DISTINCT h.redemption_id
			FROM handback.hold_now h
			JOIN handback.file d ON d.file_id = h.file_id
			WHERE d.partner_id = f.partner_id AND h.redemption_id IS NOT NULL
				AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id));
	END IF;
	candidates := handback.holds_about(redemptions);
	IF cardinality(candidates) = 0 THEN
		RETURN 0;
	END IF;
	SELECT array_agg(w.hold_id ORDER BY w.hold_id), array_agg(w.link ORDER BY w.hold_id) INTO holds, links
	FROM (
		SELECT DISTINCT ON (h.hold_id) h.hold_id,
			format('redemption %s is %s by record %s of file %s', h.redemption_id, s.state, o.record_no, file) AS link
		FROM handback.hold_now h
		JOIN handback.file d ON d.file_id = h.file_id
		JOIN handback.last_outcomes(candidates) l ON l.hold_id = h.hold_id
		JOIN (
			-- each by its partial index
			SELECT o.redemption_id, o.record_no, o.verdict, o.reasons FROM handback.outcome o
			WHERE o.redemption_id = ANY (redemptions) AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED) AND o.file_id = file
			UNION ALL
			SELECT o.redemption_id, o.record_no, o.verdict, o.reasons FROM handback.outcome o
			WHERE o.redemption_id = ANY (redemptions) AND o.outcome = :OUTCOME_ALREADY_APPLIED AND o.file_id = file) o
			ON o.redemption_id = h.redemption_id
		CROSS JOIN LATERAL (SELECT handback.redemption_state(h.redemption_id) AS state OFFSET 0) s
		WHERE h.hold_id = ANY (candidates) AND d.partner_id = f.partner_id AND d.file_id < file
			AND (handback.says_so((l.o).verdict, h.reason, s.state)
				OR (h.reason NOT IN ('correction', 'file_void')
					AND ((l.o).verdict, (l.o).reasons) IS NOT DISTINCT FROM (o.verdict, o.reasons)))
		ORDER BY h.hold_id, o.record_no) w;
	RETURN handback.end_overtaken(holds, links, 'file ' || file);
END
$$;
COMMENT ON FUNCTION handback.overtake_by_file(bigint, bigint[]) IS
	'Ends holds of earlier files whose redemption this file settles as they say; gives how many';

-- What people decided about one hold ends the others that ask for it.
CREATE FUNCTION handback.overtake_by_people(proposal bigint, redemptions bigint[]) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	candidates bigint[] := handback.holds_about(redemptions);
	holds bigint[];
	links text[];
BEGIN
	IF cardinality(candidates) = 0 THEN
		RETURN 0;
	END IF;
	SELECT array_agg(h.hold_id ORDER BY h.hold_id),
		array_agg(format('redemption %s is %s by proposal %s', h.redemption_id, s.state, proposal) ORDER BY h.hold_id)
	INTO holds, links
	FROM handback.hold_now h
	JOIN handback.last_outcomes(candidates) l ON l.hold_id = h.hold_id
	CROSS JOIN LATERAL (SELECT handback.redemption_state(h.redemption_id) AS state OFFSET 0) s
	WHERE handback.says_so((l.o).verdict, h.reason, s.state);
	RETURN handback.end_overtaken(holds, links, 'proposal ' || proposal);
END
$$;
COMMENT ON FUNCTION handback.overtake_by_people(bigint, bigint[]) IS
	'Ends the other holds of redemptions that people settled as they say; gives how many';

-- By night, what no file of the partner's settled: an application reversed it, or an earlier answer was rematched.
CREATE FUNCTION handback.overtake_by_night(source text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	candidates bigint[];
	holds bigint[];
	links text[];
BEGIN
	PERFORM handback.lock_partner(c.code)
	FROM (SELECT DISTINCT p.code FROM handback.partner p JOIN handback.file f USING (partner_id) WHERE f.source = source ORDER BY 1) c;
	SELECT array_agg(w.hold_id ORDER BY w.hold_id), array_agg(w.link ORDER BY w.hold_id) INTO candidates, links
	FROM (
		SELECT DISTINCT ON (h.hold_id) h.hold_id, l.link
		FROM handback.hold_now h
		JOIN handback.file d ON d.file_id = h.file_id AND d.source = source
		CROSS JOIN LATERAL (
			SELECT format('redemption %s is reversed by an application, reversal %s', v.redemption_id, v.reversal_id) AS link
			FROM ledger.reversal v
			WHERE v.redemption_id = h.redemption_id AND v.reinstatement_id IS NULL AND v.posted_at > h.opened_at
				AND NOT EXISTS (SELECT FROM handback.outcome o
					WHERE o.redemption_id = v.redemption_id AND o.outcome = :OUTCOME_REVERSED)
			UNION ALL
			SELECT format('redemption %s is %s by record %s of file %s', o.redemption_id, handback.redemption_state(o.redemption_id),
				o.record_no, o.file_id)
			FROM handback.outcome o
			JOIN audit.event a ON a.event_id = o.event_id AND a.what = 'rematched'
			WHERE o.redemption_id = h.redemption_id AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED)
				AND o.decided_at > h.opened_at AND o.file_id > h.file_id
			OFFSET 0) l
		WHERE h.redemption_id IS NOT NULL AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
		ORDER BY h.hold_id) w;
	SELECT array_agg(w.hold_id ORDER BY w.hold_id), array_agg(w.link ORDER BY w.hold_id) INTO holds, links
	FROM unnest(candidates, links) w (hold_id, link)
	JOIN handback.hold_now h ON h.hold_id = w.hold_id
	JOIN handback.last_outcomes(candidates) l ON l.hold_id = w.hold_id
	WHERE handback.says_so((l.o).verdict, h.reason, handback.redemption_state(h.redemption_id));
	RETURN handback.end_overtaken(holds, links, 'source ' || source);
END
$$;
COMMENT ON FUNCTION handback.overtake_by_night(text) IS
	'Ends holds of a source whose redemption an application or a rematch settled as they say; gives how many';

REVOKE ALL ON FUNCTION handback.last_outcomes(bigint[]), handback.says_so(smallint, text, text),
	handback.withdraw_proposals(), handback.end_overtaken(bigint[], text[], text), handback.holds_about(bigint[]),
	handback.overtake_by_file(bigint, bigint[]), handback.overtake_by_people(bigint, bigint[]), handback.overtake_by_night(text)
	FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.overtake_by_file(bigint, bigint[]) TO handback_daemon;
GRANT EXECUTE ON FUNCTION handback.overtake_by_night(text) TO handback_nightly;
