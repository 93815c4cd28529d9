-- What was closed, and wrongly, is reopened by two people: a hold of its own, as it was.

SET LOCAL ROLE handback_owner;

ALTER TABLE handback.hold ADD reopens bigint REFERENCES handback.hold;
COMMENT ON COLUMN handback.hold.reopens IS 'The hold that was closed, and that two people reopened';
ALTER TABLE handback.hold DROP CONSTRAINT hold_file_id_record_no_key;
CREATE UNIQUE INDEX hold_of_record ON handback.hold (file_id, record_no, coalesce(reopens, 0));
ALTER TABLE handback.proposal DROP CONSTRAINT proposal_decision_check;
ALTER TABLE handback.proposal ADD CHECK (decision IN ('confirm', 'reverse', 'reinstate', 'close', 'release', 'reopen'));

CREATE OR REPLACE FUNCTION handback.lock_holds(wanted bigint[]) RETURNS SETOF handback.hold
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	ended bigint;
	there bigint;
BEGIN
	-- a hold is never updated: what two people could do at once is to end it, in the order of the numbers
	PERFORM FROM handback.hold h WHERE h.hold_id = ANY (wanted) ORDER BY h.hold_id FOR NO KEY UPDATE;
	SELECT count(*) INTO there FROM handback.hold WHERE hold_id = ANY (wanted);
	IF there = 0 OR there < (SELECT count(DISTINCT w) FROM unnest(wanted) w) THEN
		RAISE EXCEPTION 'no such hold among %', wanted USING ERRCODE = 'no_data_found';
	END IF;
	SELECT min(hold_id) INTO ended FROM handback.hold_end WHERE hold_id = ANY (wanted);
	IF ended IS NOT NULL THEN
		RAISE EXCEPTION 'hold % has ended', ended USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	RETURN QUERY SELECT * FROM handback.hold WHERE hold_id = ANY (wanted) ORDER BY hold_id;
END
$$;
CREATE OR REPLACE FUNCTION handback.judge_holds(holds bigint[], decision text, meant bigint)
	RETURNS TABLE (hold_id bigint, about bigint, member_id bigint, points numeric, against text, difference text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT h.hold_id, d.about, r.member_id, coalesce(r.points, h.points, 0)::numeric,
		CASE
			WHEN decision = 'reopen' THEN CASE
				WHEN e.hold_id IS NULL THEN 'it is open'
				WHEN h.record_no IS NULL THEN 'it is of a whole file: have the partner send that again'
				WHEN h.reason = 'partly_fulfilled' THEN 'it is of a part: have the partner send that again'
				WHEN e.how NOT IN ('closed', 'overtaken', 'unknown_reference_expired')
					THEN format('it was decided (%s): only what was closed is reopened', e.how)
				WHEN EXISTS (SELECT FROM handback.hold n WHERE n.file_id = h.file_id AND n.record_no = h.record_no AND n.reopens = h.hold_id)
					THEN 'it was reopened already'
			END
			WHEN e.hold_id IS NOT NULL THEN format('has ended (%s)', e.how)
			WHEN decision = 'close' THEN NULL
			WHEN decision = 'release' THEN
				CASE WHEN h.record_no IS NOT NULL THEN 'it is of a record: only a whole file can be released' END
			WHEN h.record_no IS NULL THEN 'it is of a whole file, which can only be released or closed'
			WHEN d.about IS NULL THEN 'its record names no redemption: say which is meant'
			WHEN r.redemption_id IS NULL OR r.partner <> p.code THEN format('redemption %s is not one of this partner', d.about)
			WHEN r.programme <> t.programme THEN format('redemption %s is of programme %s, and its record of %s', d.about, r.programme,
				t.programme)
			WHEN decision = 'confirm' AND s.state <> 'open' THEN format('redemption %s is %s already', d.about, s.state)
			WHEN decision = 'reverse' AND s.state NOT IN ('open', 'confirmed')
				THEN format('redemption %s is %s already, and is reversed once for ever', d.about, s.state)
			WHEN decision = 'reinstate' AND s.state <> 'reversed' THEN format('redemption %s is %s', d.about, s.state)
		END,
		CASE
			WHEN d.about IS NULL OR decision IN ('close', 'release', 'reopen') THEN NULL
			WHEN d.about = h.redemption_id AND h.reason LIKE '%\_mismatch' THEN (l.o).detail
			ELSE nullif(concat_ws('; ',
				CASE WHEN u.member <> r.member THEN handback.unlike('member', u.member, r.member) END,
				CASE WHEN (l.o).points <> r.points THEN format('points: stated %s, redeemed %s', (l.o).points, r.points) END), '')
		END
	FROM handback.hold_now h
	JOIN handback.file f ON f.file_id = h.file_id
	JOIN handback.partner p ON p.partner_id = f.partner_id
	CROSS JOIN LATERAL (SELECT coalesce(meant, h.redemption_id) AS about) d
	LEFT JOIN handback.hold_end e ON e.hold_id = h.hold_id
	LEFT JOIN handback.hold_stated u ON u.hold_id = h.hold_id
	LEFT JOIN ledger.redemption r ON r.redemption_id = d.about
	LEFT JOIN ledger.redemption own ON own.redemption_id = h.redemption_id
	CROSS JOIN LATERAL (SELECT coalesce(u.programme, own.programme) AS programme) t
	LEFT JOIN ledger.reversal v ON v.redemption_id = d.about
	CROSS JOIN LATERAL (SELECT CASE
		WHEN v.reinstatement_id IS NOT NULL THEN 'reinstated'
		WHEN v.reversal_id IS NOT NULL THEN 'reversed'
		WHEN EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = d.about AND o.outcome = :OUTCOME_CONFIRMED) THEN 'confirmed'
		ELSE 'open' END AS state) s
	LEFT JOIN handback.last_outcomes(CASE WHEN decision IN ('close', 'release', 'reopen') THEN '{}' ELSE holds END) l ON l.hold_id = h.hold_id
	WHERE h.hold_id = ANY (holds)
$$;
CREATE OR REPLACE FUNCTION handback.decide_holds(p handback.proposal, chosen bigint[], what text, comment text, about text,
		OUT event bigint, OUT decided bigint)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	holds bigint[];
	redemptions bigint[];
	out_holds bigint[];
	out_whys text[];
	made handback.outcome[];
	leaves bytea[];
	kept_holds bigint[] := '{}';
	kept_redemptions bigint[] := '{}';
BEGIN
	SELECT array_agg(j.hold_id ORDER BY j.member_id, j.about, j.hold_id) FILTER (WHERE j.against IS NULL),
		array_agg(j.about ORDER BY j.member_id, j.about, j.hold_id) FILTER (WHERE j.against IS NULL),
		coalesce(array_agg(j.hold_id ORDER BY j.hold_id) FILTER (WHERE j.against IS NOT NULL), '{}'),
		coalesce(array_agg(j.against ORDER BY j.hold_id) FILTER (WHERE j.against IS NOT NULL), '{}')
	INTO holds, redemptions, out_holds, out_whys
	FROM (SELECT w.hold_id, w.about, w.member_id, coalesce(w.against, CASE WHEN p.difference IS NULL AND w.difference IS NOT NULL
			THEN 'its record and the redemption differ: ' || w.difference END) AS against
		FROM handback.judge_holds(chosen, p.decision, p.redemption_id) w) j;
	BEGIN
		PERFORM handback.post_decision(p.decision, redemptions) WHERE holds IS NOT NULL;
	EXCEPTION WHEN data_exception OR integrity_constraint_violation OR raise_exception THEN
		-- each by itself, in the order of the members: what is refused is left out
		FOR i IN 1..cardinality(holds) LOOP
			BEGIN
				PERFORM handback.post_decision(p.decision, redemptions[i:i]);
				kept_holds := kept_holds || holds[i];
				kept_redemptions := kept_redemptions || redemptions[i];
			EXCEPTION WHEN data_exception OR integrity_constraint_violation OR raise_exception THEN
				out_holds := out_holds || holds[i];
				out_whys := out_whys || handback.refusal_words(p.decision, redemptions[i], SQLSTATE, SQLERRM);
			END;
		END LOOP;
		holds := nullif(kept_holds, '{}');
		redemptions := kept_redemptions;
	END;
	IF holds IS NULL AND what = 'approved' THEN
		RAISE EXCEPTION 'hold %', out_holds[1] || CASE WHEN out_whys[1] LIKE 'has ended%' THEN ' has ended' ELSE ': ' || out_whys[1] END
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	holds := coalesce(holds, '{}');
	decided := cardinality(holds);
	SELECT coalesce(array_agg(n.o ORDER BY (n.o).file_id, (n.o).record_no), '{}'),
		coalesce(array_agg(handback.leaf_hash(n.o) ORDER BY (n.o).file_id, (n.o).record_no), '{}')
	INTO made, leaves
	FROM (
		SELECT ROW((l.o).file_id, (l.o).record_no, (l.o).revision + 1, (l.o).verdict,
			CASE p.decision WHEN 'confirm' THEN :OUTCOME_CONFIRMED WHEN 'reverse' THEN :OUTCOME_REVERSED
				WHEN 'reinstate' THEN :OUTCOME_REINSTATED ELSE :OUTCOME_CLOSED END,
			(l.o).byte_length, (l.o).byte_offset, w.about, v.reversal_id, (l.o).points, NULL, (l.o).reference, (l.o).reasons,
			CASE p.decision WHEN 'reinstate' THEN 'reinstatement ' || v.reinstatement_id END,
			transaction_timestamp(), NULL, NULL)::handback.outcome AS o
		FROM unnest(holds, redemptions) w (hold_id, about)
		JOIN handback.last_outcomes(holds) l ON l.hold_id = w.hold_id
		LEFT JOIN ledger.reversal v ON p.decision IN ('reverse', 'reinstate') AND v.redemption_id = w.about
		WHERE p.decision <> 'reopen'
		OFFSET 0) n;
	event := audit.append_event(what, 'proposal ' || p.proposal_id, comment,
		about || coalesce(', left out: ' || handback.left_out_text(out_holds, out_whys), ''),
		cardinality(leaves), audit.merkle_root(leaves));
	INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id, reversal_id,
		points, reference, reasons, detail, decided_at, event_id, leaf_hash)
	SELECT m.file_id, m.record_no, m.revision, m.verdict, m.outcome, m.byte_length, m.byte_offset, m.redemption_id, m.reversal_id,
		m.points, m.reference, m.reasons, m.detail, m.decided_at, event, m.leaf
	FROM unnest(made, leaves) m (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id,
		reversal_id, points, hold_reason, reference, reasons, detail, decided_at, event_id, leaf_hash, leaf);
	IF what = 'approved' THEN
		INSERT INTO handback.proposal_end (proposal_id, proposed_by, how, why, ended_at, event_id)
		VALUES (p.proposal_id, p.proposed_by, 'approved', comment, audit.event_time(event), event);
	END IF;
	IF p.decision = 'reopen' THEN
		-- as each was held when it was closed: a hold of its own, which is then decided as any other
		WITH opened AS (
			INSERT INTO handback.hold (file_id, record_no, reason, redemption_id, points, opened_at, reopens)
			SELECT n.file_id, n.record_no, n.reason, n.redemption_id, n.points, t.at, n.hold_id
			FROM audit.event_time(event) t (at), handback.hold_now n WHERE n.hold_id = ANY (holds)
			RETURNING hold_id, reopens)
		INSERT INTO handback.hold_stated (hold_id, member, programme)
		SELECT o.hold_id, u.member, u.programme FROM opened o JOIN handback.hold_stated u ON u.hold_id = o.reopens;
	ELSE
		INSERT INTO handback.hold_end (hold_id, ended_at, how)
		SELECT w, t.at, CASE p.decision WHEN 'confirm' THEN 'confirmed' WHEN 'reverse' THEN 'reversed'
			WHEN 'reinstate' THEN 'reinstated' WHEN 'release' THEN 'released' ELSE 'closed' END
		FROM audit.event_time(event) t (at), unnest(holds) w;
	END IF;
	INSERT INTO handback.proposal_left_out (proposal_id, hold_id, why, event_id)
	SELECT p.proposal_id, w.hold_id, w.why, event FROM unnest(out_holds, out_whys) w (hold_id, why);
	IF p.decision IN ('confirm', 'reverse', 'reinstate') THEN
		PERFORM handback.overtake_by_people(p.proposal_id, redemptions);
	ELSIF p.decision = 'close' THEN
		-- what came while a file waited was taken for a duplicate of it: closed, it repeats nothing, and waits for people itself
		PERFORM handback.open_duplicate(w.file, comment, format('file %s, which it repeats, was closed', w.closed))
		FROM (SELECT DISTINCT ON (handback.delivered_meanwhile(l)) handback.delivered_meanwhile(l) AS file, l.file_id AS closed
			FROM handback.hold l JOIN handback.file f USING (file_id)
			WHERE l.hold_id = ANY (holds) AND l.record_no IS NULL AND f.state = 'held'
			ORDER BY 1, l.file_id) w
		WHERE w.file IS NOT NULL;
	END IF;
END
$$;
CREATE OR REPLACE FUNCTION handback.approve(proposal bigint, comment text DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	p handback.proposal := handback.open_proposal(proposal);
	chosen bigint[] := ARRAY(SELECT hold_id FROM handback.proposal_hold WHERE proposal_id = proposal);
	twice record;
	said text;
	event bigint;
BEGIN
	-- one lock for all of it: who else approves it waits here
	PERFORM FROM handback.proposal r WHERE r.proposal_id = proposal FOR NO KEY UPDATE;
	IF p.holds <= handback.piece_size() THEN
		PERFORM handback.lock_partners(chosen);
	END IF;
	p := handback.open_proposal(proposal); -- it may have been answered, or withdrawn, meanwhile
	IF p.decision NOT IN ('close', 'release', 'reopen') AND p.redemption_id IS NULL THEN
		SELECT min(h.hold_id) AS one, max(h.hold_id) AS other, h.redemption_id INTO twice
		FROM handback.hold_now h
		WHERE h.hold_id = ANY (chosen) AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
		GROUP BY h.redemption_id HAVING count(*) > 1
		ORDER BY 1 LIMIT 1;
		IF FOUND THEN
			RAISE EXCEPTION 'holds % and % are of one redemption, %: propose one of them, and close the other',
				twice.one, twice.other, twice.redemption_id USING ERRCODE = 'object_not_in_prerequisite_state';
		END IF;
	END IF;
	said := format('%s %s holds of %s points, proposed by %s', p.decision, p.holds, p.points, p.proposed_by);
	IF p.holds <= handback.piece_size() THEN
		RETURN (SELECT d.event FROM handback.decide_holds(p, chosen, 'approved', comment, said) d);
	END IF;
	event := audit.append_event('approved', 'proposal ' || proposal, comment, said);
	INSERT INTO handback.proposal_end (proposal_id, proposed_by, how, why, ended_at, event_id)
	VALUES (proposal, p.proposed_by, 'approved', comment, audit.event_time(event), event);
	RETURN event;
END
$$;
COMMENT ON FUNCTION handback.propose(bigint[], text, text, uuid, boolean) IS
	'Proposes to confirm, reverse, reinstate, close, release or reopen these holds, with a reason; gives the proposal''s number';
