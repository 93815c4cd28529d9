-- What two people decide: what may be proposed for which hold, and how an approved proposal is done, a large one in pieces.

-- Holds of an approved proposal that it did nothing about.
CREATE TABLE handback.proposal_left_out (
	proposal_id bigint NOT NULL REFERENCES handback.proposal,
	hold_id     bigint NOT NULL REFERENCES handback.hold,
	why         text NOT NULL CHECK (why <> ''),
	event_id    bigint NOT NULL REFERENCES audit.event,
	PRIMARY KEY (proposal_id, hold_id)
);
CREATE INDEX proposal_left_out_by_event ON handback.proposal_left_out (event_id);
COMMENT ON TABLE handback.proposal_left_out IS 'Holds of an approved proposal that were not open any more, or that the ledger refused, and why; append-only';

-- A large proposal is done in pieces, each a transaction of its own, so that files of the partner wait for none of them long.
CREATE TABLE handback.proposal_piece (
	proposal_id bigint NOT NULL REFERENCES handback.proposal,
	piece       bigint NOT NULL CHECK (piece > 0),
	last_hold   bigint NOT NULL,
	decided     bigint NOT NULL CHECK (decided >= 0),
	remaining   bigint NOT NULL CHECK (remaining >= 0),
	event_id    bigint NOT NULL REFERENCES audit.event,
	PRIMARY KEY (proposal_id, piece)
);
COMMENT ON TABLE handback.proposal_piece IS 'How far a large proposal is done, by the order of its holds; append-only';
COMMENT ON COLUMN handback.proposal_piece.remaining IS 'Holds behind it: 0 when the proposal is done';

CALL handback_schema.make_append_only('handback.proposal_left_out');
CALL handback_schema.make_append_only('handback.proposal_piece');

CREATE FUNCTION handback.piece_size() RETURNS bigint
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT 1000::bigint $$;
COMMENT ON FUNCTION handback.piece_size() IS 'How many holds are decided in one transaction';

-- Which holds, as an event names them.
CREATE FUNCTION handback.holds_text(holds bigint[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN count(*) <= 200 THEN string_agg(w::text, ' ' ORDER BY w)
		ELSE format('%s to %s, sha256 %s', min(w), max(w), encode(sha256(convert_to(string_agg(w::text, ' ' ORDER BY w), 'UTF8')), 'hex')) END
	FROM (SELECT DISTINCT w FROM unnest(holds) w) d
$$;
COMMENT ON FUNCTION handback.holds_text(bigint[]) IS 'The numbers of holds; of many the first, the last and the hash of all';

-- Each hold beside a decision: the redemption that it would be about, why it is not possible (NULL: it is), and in what the
-- record differs from that redemption: two people may decide that all the same, when both have seen it. What the ledger has of a
-- redemption is looked up for each hold by its number (OFFSET 0): as a join of the views, a plan that took a file's holds for a
-- few went through all reversals for each of them.
CREATE FUNCTION handback.judge_holds(holds bigint[], decision text, meant bigint)
	RETURNS TABLE (hold_id bigint, about bigint, member_id bigint, points numeric, against text, difference text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
	SELECT h.hold_id, d.about, r.member_id, coalesce(r.points, h.points, 0)::numeric,
		CASE
			WHEN decision = 'reopen' THEN CASE
				WHEN e.hold_id IS NULL THEN 'it is open'
				WHEN EXISTS (SELECT FROM handback.hold n WHERE n.reopens = h.hold_id) THEN 'it was reopened already'
				WHEN h.record_no IS NULL THEN CASE
					WHEN e.how <> 'released' THEN 'it is of a whole file: have the partner send that again'
					WHEN EXISTS (SELECT FROM handback.file n WHERE n.release_of = h.file_id) THEN 'its file was released'
				END
				WHEN h.reason = 'partly_fulfilled' OR EXISTS (SELECT FROM handback.answer_part a
					WHERE a.file_id = h.file_id AND a.record_no = h.record_no) THEN 'it is of a part: have the partner send that again'
				WHEN e.how NOT IN ('closed', 'overtaken', 'unknown_reference_expired')
					THEN format('it was decided (%s): only what was closed is reopened', e.how)
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
					|| CASE WHEN s.state = 'reinstated' THEN ': propose to credit it' ELSE '' END
			WHEN decision = 'reinstate' AND v.credit_id IS NOT NULL
				THEN format('redemption %s was credited by correction, which is never taken back', d.about)
			WHEN decision = 'reinstate' AND s.state <> 'reversed' THEN format('redemption %s is %s', d.about, s.state)
			WHEN decision = 'credit' AND s.state <> 'reinstated'
				THEN format('redemption %s is %s: only one that was reinstated is credited', d.about, s.state)
			WHEN decision = 'credit' AND (l.o).verdict <> :VERDICT_REJECTED THEN 'its record is no rejection'
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
	LEFT JOIN LATERAL (SELECT r.redemption_id, r.member_id, r.member, r.points, r.partner, r.programme
		FROM ledger.redemption r WHERE r.redemption_id = d.about OFFSET 0) r ON true
	LEFT JOIN LATERAL (SELECT r.programme FROM ledger.redemption r
		WHERE r.redemption_id = h.redemption_id AND u.programme IS NULL OFFSET 0) own ON true
	CROSS JOIN LATERAL (SELECT coalesce(u.programme, own.programme) AS programme) t
	LEFT JOIN LATERAL (SELECT v.reversal_id, v.reinstatement_id, v.credit_id
		FROM ledger.reversal v WHERE v.redemption_id = d.about OFFSET 0) v ON true
	CROSS JOIN LATERAL (SELECT CASE
		WHEN v.reinstatement_id IS NOT NULL AND v.credit_id IS NULL THEN 'reinstated'
		WHEN v.reversal_id IS NOT NULL THEN 'reversed'
		WHEN EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = d.about AND o.outcome = :OUTCOME_CONFIRMED) THEN 'confirmed'
		ELSE 'open' END AS state) s
	LEFT JOIN handback.last_outcomes(CASE WHEN decision IN ('close', 'release', 'reopen') THEN '{}' ELSE holds END) l ON l.hold_id = h.hold_id
	WHERE h.hold_id = ANY (holds)
$$;
COMMENT ON FUNCTION handback.judge_holds(bigint[], text, bigint) IS
	'What a decision would be about for each hold, why it is not possible, and in what the record differs from its redemption';

CREATE FUNCTION handback.propose(holds bigint[], decision text, why text, redemption uuid DEFAULT NULL,
		accept_difference boolean DEFAULT false) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	proposal bigint := nextval('handback.proposal_proposal_id_seq');
	wanted bigint[] := ARRAY(SELECT DISTINCT w FROM unnest(holds) w WHERE w IS NOT NULL ORDER BY w);
	meant bigint;
	judged record;
	event bigint;
BEGIN
	IF redemption IS NOT NULL THEN
		SELECT d.redemption_id INTO meant FROM ledger.redemption d WHERE d.external_reference = redemption;
		IF meant IS NULL THEN
			RAISE EXCEPTION 'no redemption has the external reference %', redemption USING ERRCODE = 'no_data_found';
		END IF;
		IF cardinality(wanted) <> 1 THEN
			RAISE EXCEPTION 'one redemption is meant by one record: propose one hold at a time'
				USING ERRCODE = 'invalid_parameter_value';
		END IF;
	END IF;
	IF cardinality(wanted) <= handback.piece_size() THEN
		PERFORM handback.lock_partners(wanted);
	END IF;
	SELECT count(*) AS many, sum(j.points) AS points, min(j.hold_id) FILTER (WHERE j.against IS NOT NULL) AS first,
		(array_agg(j.against ORDER BY j.hold_id) FILTER (WHERE j.against IS NOT NULL))[1] AS against,
		count(j.difference) AS unlike, min(j.hold_id) FILTER (WHERE j.difference IS NOT NULL) AS unlike_first,
		(array_agg(j.difference ORDER BY j.hold_id) FILTER (WHERE j.difference IS NOT NULL))[1] AS difference
	INTO judged
	FROM handback.judge_holds(wanted, decision, meant) j;
	IF judged.many = 0 OR judged.many < cardinality(wanted) THEN
		RAISE EXCEPTION 'no such hold among %', CASE WHEN cardinality(holds) <= 200 THEN holds::text ELSE 'those' END
			USING ERRCODE = 'no_data_found';
	ELSIF judged.against LIKE 'has ended%' THEN
		RAISE EXCEPTION 'hold % has ended', judged.first USING ERRCODE = 'object_not_in_prerequisite_state';
	ELSIF judged.against IS NOT NULL THEN
		RAISE EXCEPTION 'hold %: %', judged.first, judged.against USING ERRCODE = 'object_not_in_prerequisite_state';
	ELSIF judged.unlike > 0 AND NOT coalesce(accept_difference, false) THEN
		RAISE EXCEPTION 'hold %: its record and the redemption differ: %', judged.unlike_first, judged.difference
				|| CASE WHEN judged.unlike > 1 THEN format(' (and %s more)', judged.unlike - 1) ELSE '' END
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Say that the difference is accepted.';
	END IF;
	IF judged.many > 1 AND judged.unlike > 0 THEN
		judged.difference := format('%s of %s holds; of hold %s: %s', judged.unlike, judged.many, judged.unlike_first, judged.difference);
	END IF;
	event := audit.append_event('proposed', 'proposal ' || proposal, why,
		format('%s %s holds of %s points: %s', decision, judged.many, judged.points, handback.holds_text(wanted))
			|| coalesce(', redemption ' || meant, '') || coalesce(', accepting the difference: ' || judged.difference, ''));
	INSERT INTO handback.proposal (proposal_id, decision, why, redemption_id, holds, points, proposed_at, event_id, difference)
	VALUES (proposal, decision, why, meant, judged.many, judged.points, audit.event_time(event), event, judged.difference);
	INSERT INTO handback.proposal_hold (proposal_id, hold_id) SELECT proposal, w FROM unnest(wanted) w;
	RETURN proposal;
END
$$;
COMMENT ON FUNCTION handback.propose(bigint[], text, text, uuid, boolean) IS
	'Proposes to confirm, reverse, reinstate, credit, close, release or reopen these holds, with a reason; gives the proposal''s number';

-- Posts what a decision posts: one call for all, which takes members' balances in their order as every posting does.
CREATE FUNCTION handback.post_decision(decision text, redemptions bigint[]) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	IF decision = 'reverse' THEN
		PERFORM FROM ledger.post_reversals(redemptions);
	ELSIF decision = 'reinstate' THEN
		PERFORM FROM ledger.post_reinstatements(ARRAY(
			SELECT r.reversal_id FROM ledger.reversal r WHERE r.redemption_id = ANY (redemptions)));
	ELSIF decision = 'credit' THEN
		PERFORM FROM ledger.post_credits(ARRAY(
			SELECT r.reinstatement_id FROM ledger.reversal r WHERE r.redemption_id = ANY (redemptions)));
	END IF;
END
$$;
COMMENT ON FUNCTION handback.post_decision(text, bigint[]) IS 'Posts what a decision about these redemptions posts, all or none';

-- What the ledger refused, in our words where a rule of ours is behind it.
CREATE FUNCTION handback.refusal_words(decision text, redemption bigint, sqlstate text, message text) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	missing bigint;
BEGIN
	IF sqlstate = '23505' THEN
		RETURN format('redemption %s is %s already', redemption, handback.redemption_state(redemption));
	END IF;
	-- a ledger of the site's own may have no such table
	IF decision = 'reinstate' AND sqlstate = '23514' AND to_regclass('ledger.balance') IS NOT NULL THEN
		EXECUTE 'SELECT r.points - b.points FROM ledger.redemption r JOIN ledger.balance b USING (member_id) WHERE r.redemption_id = $1'
			INTO missing USING redemption;
	END IF;
	RETURN CASE WHEN missing > 0 THEN format('the member has not enough points: %s are missing', missing)
		ELSE 'the ledger refuses it: ' || message END;
END
$$;
COMMENT ON FUNCTION handback.refusal_words(text, bigint, text, text) IS 'Why a posting was refused, as people say it';

-- Decides these holds of a proposal in this transaction: postings, outcomes and ends under one event. What is not open any
-- more is left out, and said; of a proposal of one hold, and where nothing is left, that is an error. what: the event's
-- word; about: what its detail begins with. Takes the partners' locks before.
CREATE FUNCTION handback.decide_holds(p handback.proposal, chosen bigint[], what text, comment text, about text,
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
				WHEN 'reinstate' THEN :OUTCOME_REINSTATED WHEN 'credit' THEN :OUTCOME_CREDITED ELSE :OUTCOME_CLOSED END,
			(l.o).byte_length, (l.o).byte_offset, w.about, v.reversal_id, (l.o).points, NULL, (l.o).reference, (l.o).reasons,
			CASE p.decision WHEN 'reinstate' THEN 'reinstatement ' || v.reinstatement_id WHEN 'credit' THEN 'credit ' || v.credit_id END,
			transaction_timestamp(), NULL, NULL)::handback.outcome AS o
		FROM unnest(holds, redemptions) w (hold_id, about)
		JOIN handback.last_outcomes(holds) l ON l.hold_id = w.hold_id
		LEFT JOIN ledger.reversal v ON p.decision IN ('reverse', 'reinstate', 'credit') AND v.redemption_id = w.about
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
			WHEN 'reinstate' THEN 'reinstated' WHEN 'credit' THEN 'credited' WHEN 'release' THEN 'released' ELSE 'closed' END
		FROM audit.event_time(event) t (at), unnest(holds) w;
	END IF;
	INSERT INTO handback.proposal_left_out (proposal_id, hold_id, why, event_id)
	SELECT p.proposal_id, w.hold_id, w.why, event FROM unnest(out_holds, out_whys) w (hold_id, why);
	IF p.decision IN ('confirm', 'reverse', 'reinstate', 'credit') THEN
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
COMMENT ON FUNCTION handback.decide_holds(handback.proposal, bigint[], text, text, text) IS
	'Decides holds of an approved proposal: postings, outcomes and ends under one event';

-- What was left out, as an event says it; NULL: nothing.
CREATE FUNCTION handback.left_out_text(holds bigint[], whys text[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT string_agg(format('hold %s (%s)', w.hold_id, w.why), ', ' ORDER BY w.hold_id) FROM unnest(holds, whys) w (hold_id, why)
$$;
COMMENT ON FUNCTION handback.left_out_text(bigint[], text[]) IS 'What was left out, as an event says it';

CREATE FUNCTION handback.approve(proposal bigint, comment text DEFAULT NULL) RETURNS bigint
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
COMMENT ON FUNCTION handback.approve(bigint, text) IS
	'Does what was proposed, but for what is not open any more; a large proposal is then done by continue_proposal. Never by the one who proposed it. Gives the event''s number';

-- The next piece of a large proposal that was approved. Whoever may approve it may go on with it, again after whatever
-- stopped it: a piece is done once, by its number.
CREATE FUNCTION handback.continue_proposal(proposal bigint, OUT decided bigint, OUT left_out bigint, OUT remaining bigint)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	p handback.proposal;
	last handback.proposal_piece;
	chosen bigint[];
	event bigint;
BEGIN
	SELECT * INTO p FROM handback.proposal r WHERE r.proposal_id = proposal FOR NO KEY UPDATE;
	IF NOT EXISTS (SELECT FROM handback.proposal_end e WHERE e.proposal_id = proposal AND e.how = 'approved') THEN
		RAISE EXCEPTION 'proposal % is not approved', proposal USING ERRCODE = 'object_not_in_prerequisite_state';
	ELSIF p.proposed_by = session_user THEN
		RAISE EXCEPTION 'you proposed this; another person must approve it' USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	SELECT * INTO last FROM handback.proposal_piece c WHERE c.proposal_id = proposal ORDER BY c.piece DESC LIMIT 1;
	decided := 0;
	left_out := 0;
	remaining := coalesce(last.remaining, CASE WHEN p.holds > handback.piece_size() THEN p.holds ELSE 0 END);
	IF remaining = 0 THEN
		RETURN;
	END IF;
	chosen := ARRAY(SELECT ph.hold_id FROM handback.proposal_hold ph
		WHERE ph.proposal_id = proposal AND ph.hold_id > coalesce(last.last_hold, 0) ORDER BY 1 LIMIT handback.piece_size());
	remaining := remaining - cardinality(chosen);
	-- Files that waited for the piece before have been woken, and run in a moment; the row is free, and whoever comes by takes
	-- it. They have their place in its queue, which shows until they have it: they go first.
	FOR n IN 1..100 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'tuple' AND l.relation = 'handback.partner'::regclass
			AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AND l.pid <> pg_backend_pid());
		PERFORM pg_sleep(0.01);
	END LOOP;
	PERFORM handback.lock_partners(chosen);
	SELECT d.event, d.decided INTO event, decided
	FROM handback.decide_holds(p, chosen, 'decided', NULL,
		format('piece %s, up to hold %s', coalesce(last.piece, 0) + 1, chosen[cardinality(chosen)])) d;
	left_out := cardinality(chosen) - decided;
	INSERT INTO handback.proposal_piece (proposal_id, piece, last_hold, decided, remaining, event_id)
	VALUES (proposal, coalesce(last.piece, 0) + 1, chosen[cardinality(chosen)], decided, remaining, event);
END
$$;
COMMENT ON FUNCTION handback.continue_proposal(bigint) IS
	'Decides the next holds of a large proposal that was approved: how many, how many were left out, and how many remain';

-- Holds beside a decision, for a person who chooses them by a filter: which of them it is possible for, and why not for others.
-- said: of records that state this verdict alone; accepted is with a change or a warning, too.
CREATE FUNCTION handback.proposable(holds bigint[], decision text, said text DEFAULT NULL) RETURNS TABLE (hold_id bigint, against text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
	SELECT j.hold_id, j.against
	FROM handback.judge_holds(ARRAY(
		SELECT w FROM unnest(holds) w WHERE said IS NULL
		UNION ALL
		SELECT l.hold_id FROM handback.last_outcomes(CASE WHEN said IS NULL THEN '{}' ELSE holds END) l
		JOIN handback.verdict_name v ON v.verdict = (l.o).verdict
		WHERE v.name = said OR (said = 'accepted' AND v.name LIKE 'accepted\_with\_%')), decision, NULL) j
$$;
COMMENT ON FUNCTION handback.proposable(bigint[], text, text) IS
	'Of these holds, or those whose records state this verdict: why a decision is not possible; NULL where it is';

REVOKE ALL ON FUNCTION handback.proposable(bigint[], text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.proposable(bigint[], text, text) TO handback_operator;
REVOKE ALL ON FUNCTION handback.judge_holds(bigint[], text, bigint), handback.propose(bigint[], text, text, uuid, boolean),
	handback.post_decision(text, bigint[]), handback.refusal_words(text, bigint, text, text),
	handback.decide_holds(handback.proposal, bigint[], text, text, text), handback.approve(bigint, text),
	handback.continue_proposal(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.propose(bigint[], text, text, uuid, boolean), handback.approve(bigint, text),
	handback.continue_proposal(bigint) TO handback_operator;
GRANT EXECUTE ON FUNCTION handback.holds_text(bigint[]), handback.left_out_text(bigint[], text[]), handback.piece_size() TO
	handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify;
GRANT SELECT ON handback.proposal_left_out, handback.proposal_piece TO handback_daemon, handback_operator, handback_finance;
