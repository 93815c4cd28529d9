-- After a reinstatement a new rejection has a way: two people credit the points once more, as an entry of its own category.

SET LOCAL ROLE handback_owner;

ALTER TABLE ledger.entry DROP CONSTRAINT entry_check;
ALTER TABLE ledger.entry ADD CONSTRAINT entry_check
	CHECK ((category IN ('Redemption Reversal', 'Redemption Reinstatement', 'Credit By Correction')) = (answers_entry_id IS NOT NULL));
COMMENT ON COLUMN ledger.entry.category IS 'Accruals, reversals and corrections give the member points; redemptions and reinstatements take them';
COMMENT ON COLUMN ledger.entry.answers_entry_id IS 'Reversal: the debit that it restores. Reinstatement: the reversal that it takes back. Correction: the reinstatement after which the partner rejected again';
CREATE OR REPLACE FUNCTION ledger.check_posted() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
	wrong   bigint;
	members bigint;
	moved   bigint;
BEGIN
	SELECT p.entry_id INTO wrong
	FROM posted p LEFT JOIN ledger.member m ON m.member_id = p.member_id
	WHERE p.answers_entry_id IS NULL AND m.programme_id IS DISTINCT FROM p.programme_id
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'entry % names no member of its programme', wrong USING ERRCODE = 'foreign_key_violation';
	END IF;

	SELECT p.entry_id INTO wrong
	FROM posted p LEFT JOIN ledger.entry a ON a.entry_id = p.answers_entry_id
	WHERE p.answers_entry_id IS NOT NULL AND (a.entry_id IS NULL
		OR a.category <> CASE p.category WHEN 'Redemption Reversal' THEN 'Debit By Redemption'::ledger.category
			WHEN 'Credit By Correction' THEN 'Redemption Reinstatement'
			ELSE 'Redemption Reversal' END
		OR a.programme_id <> p.programme_id OR a.member_id <> p.member_id OR a.points <> p.points)
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'entry % does not agree with the entry that it answers', wrong
			USING ERRCODE = 'integrity_constraint_violation',
				HINT = 'A reversal names a redemption, a reinstatement a reversal, a correction a reinstatement: same programme, member and points.';
	END IF;

	SELECT count(DISTINCT member_id) INTO members FROM posted;
	UPDATE ledger.balance b SET points = b.points + change.points
	FROM (
		SELECT member_id, sum(CASE WHEN category IN ('Credit By Accrual', 'Redemption Reversal', 'Credit By Correction')
			THEN points ELSE -points END)::bigint AS points
		FROM posted GROUP BY member_id ORDER BY member_id OFFSET 0) change
	WHERE b.member_id = change.member_id;
	GET DIAGNOSTICS moved = ROW_COUNT;
	IF moved <> members THEN
		RAISE EXCEPTION '% of % members have no balance', members - moved, members;
	END IF;
	RETURN NULL;
END
$$;
CREATE OR REPLACE VIEW ledger.reversal AS
	SELECT r.answers_entry_id AS redemption_id, r.entry_id AS reversal_id, r.external_reference, r.programme_id,
		r.member_id, r.points, r.posted_at, r.posted_by, i.entry_id AS reinstatement_id, r.origin,
		c.entry_id AS credit_id
	FROM ledger.entry r
	LEFT JOIN ledger.entry i ON i.answers_entry_id = r.entry_id
	LEFT JOIN ledger.entry c ON c.answers_entry_id = i.entry_id
	WHERE r.category = 'Redemption Reversal';
COMMENT ON COLUMN ledger.reversal.credit_id IS 'Set when, after the reinstatement, two people credited the points once more: the partner had rejected again';
CREATE FUNCTION ledger.post_credits(reinstatement_ids bigint[])
	RETURNS TABLE (reinstatement_id bigint, credit_id bigint, external_reference uuid, posted_at timestamptz)
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM ledger.post_answers(reinstatement_ids, 'Redemption Reinstatement', 'Credit By Correction', 'handback')
$$;
COMMENT ON FUNCTION ledger.post_credits(bigint[]) IS
	'Contract: credits the full points of redemptions that were reinstated, all or none. 23505 when one is credited already';

INSERT INTO handback.outcome_name VALUES (:OUTCOME_CREDITED, 'credited');
UPDATE handback.hold_reason SET action_required = 'ask the partner which answer is right; confirm, reverse, reinstate, or credit what was reinstated'
WHERE reason = 'contradiction';
ALTER TABLE handback.outcome DROP CONSTRAINT outcome_outcome_check, DROP CONSTRAINT outcome_check2, DROP CONSTRAINT outcome_check3;
ALTER TABLE handback.outcome
	ADD CONSTRAINT outcome_outcome_check CHECK (outcome BETWEEN :OUTCOME_CONFIRMED AND :OUTCOME_CREDITED),
	ADD CONSTRAINT outcome_check2
		CHECK (outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED, :OUTCOME_CREDITED) OR redemption_id IS NOT NULL),
	ADD CONSTRAINT outcome_check3
		CHECK ((outcome = :OUTCOME_REVERSED) = (reversal_id IS NOT NULL) OR outcome IN (:OUTCOME_REINSTATED, :OUTCOME_CREDITED));
CREATE UNIQUE INDEX outcome_credited_once ON handback.outcome (redemption_id) WHERE outcome = ANY (ARRAY[:OUTCOME_CREDITED]);
ALTER TABLE handback.hold_end DROP CONSTRAINT hold_end_how_check;
ALTER TABLE handback.hold_end ADD CHECK (how IN ('confirmed', 'reversed', 'reinstated', 'credited', 'closed', 'released',
	'rematched', 'unknown_reference_expired', 'overtaken'));
ALTER TABLE handback.proposal DROP CONSTRAINT proposal_decision_check;
ALTER TABLE handback.proposal ADD CHECK (decision IN ('confirm', 'reverse', 'reinstate', 'credit', 'close', 'release', 'reopen'));

CREATE OR REPLACE FUNCTION handback.redemption_state(redemption bigint) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN r.reinstatement_id IS NOT NULL AND r.credit_id IS NULL THEN 'reinstated'
		WHEN r.reversal_id IS NOT NULL THEN 'reversed'
		WHEN EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = redemption AND o.outcome = :OUTCOME_CONFIRMED) THEN 'confirmed'
		ELSE 'open'
	END
	FROM (SELECT) one
	LEFT JOIN ledger.reversal r ON r.redemption_id = redemption
$$;
CREATE OR REPLACE FUNCTION handback.counted_parts(redemption bigint) RETURNS SETOF handback.answer_part
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.* FROM handback.answer_part p
	WHERE p.redemption_id = redemption AND NOT EXISTS (
		SELECT FROM handback.hold h JOIN handback.hold_end e USING (hold_id)
		WHERE h.file_id = p.file_id AND h.record_no = p.record_no AND e.how IN ('confirmed', 'reversed', 'reinstated', 'credited', 'closed'))
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
	LEFT JOIN ledger.redemption r ON r.redemption_id = d.about
	LEFT JOIN ledger.redemption own ON own.redemption_id = h.redemption_id
	CROSS JOIN LATERAL (SELECT coalesce(u.programme, own.programme) AS programme) t
	LEFT JOIN ledger.reversal v ON v.redemption_id = d.about
	CROSS JOIN LATERAL (SELECT CASE
		WHEN v.reinstatement_id IS NOT NULL AND v.credit_id IS NULL THEN 'reinstated'
		WHEN v.reversal_id IS NOT NULL THEN 'reversed'
		WHEN EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = d.about AND o.outcome = :OUTCOME_CONFIRMED) THEN 'confirmed'
		ELSE 'open' END AS state) s
	LEFT JOIN handback.last_outcomes(CASE WHEN decision IN ('close', 'release', 'reopen') THEN '{}' ELSE holds END) l ON l.hold_id = h.hold_id
	WHERE h.hold_id = ANY (holds)
$$;
CREATE OR REPLACE FUNCTION handback.post_decision(decision text, redemptions bigint[]) RETURNS void
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
CREATE OR REPLACE FUNCTION api.redemption_json(redemption bigint) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object(
		'reference', upper(d.external_reference::text), 'member', d.member, 'points', d.points, 'amount', d.amount,
		'currency', d.currency, 'merchant', d.merchant, 'type', d.transaction_type, 'partner', d.partner,
		'outbound_reference', d.outbound_reference, 'redeemed_at', d.redeemed_at,
		'state', CASE WHEN h.reason IS NOT NULL THEN 'held' ELSE handback.redemption_state(redemption) END,
		'held_for', h.reason, 'reasons', o.reasons, 'decided_at', o.decided_at, 'reversed_at', r.posted_at,
		'reversed_by', r.origin, 'reversal_reference', upper(r.external_reference::text))
	FROM ledger.redemption d
	LEFT JOIN ledger.reversal r ON r.redemption_id = d.redemption_id
	LEFT JOIN LATERAL (SELECT o.reasons, o.decided_at FROM handback.outcome o
		WHERE o.redemption_id = redemption AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED, :OUTCOME_CREDITED)
		ORDER BY o.decided_at DESC LIMIT 1) o ON true
	LEFT JOIN LATERAL (SELECT o.hold_reason AS reason FROM handback.outcome o JOIN handback.hold h USING (file_id, record_no)
		WHERE o.redemption_id = redemption AND o.outcome = :OUTCOME_HELD
			AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
		ORDER BY h.opened_at DESC LIMIT 1) h ON true
	WHERE d.redemption_id = redemption
$$;
COMMENT ON FUNCTION handback.propose(bigint[], text, text, uuid, boolean) IS
	'Proposes to confirm, reverse, reinstate, credit, close, release or reopen these holds, with a reason; gives the proposal''s number';
