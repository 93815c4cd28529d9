-- Two people decide all that a void file did, many records in one proposal.

SET LOCAL ROLE handback_owner;

ALTER TABLE audit.event DROP CONSTRAINT event_what_check;
ALTER TABLE audit.event ADD CHECK (what IN ('assigned', 'commented', 'proposed', 'approved', 'rejected', 'guarded', 'rematched', 'rematch_held',
		'unknown_reference_expired', 'deemed_accepted', 'purged', 'not_a_duplicate', 'overtaken', 'withdrawn', 'decided',
		'credential_added', 'credential_rotated', 'credential_revoked', 'credential_bounded', 'policy_set', 'route_added', 'route_ended', 'group_answered', 'file_received',
		'target_added', 'target_changed', 'target_paused', 'target_resumed', 'target_stopped', 'target_replayed',
		'catalogue_proposed', 'catalogue_approved', 'catalogue_rejected', 'catalogue_held', 'catalogue_hold_closed', 'token_rotated', 'token_misused',
		'points_proposed', 'points_approved', 'points_rejected', 'points_linked', 'points_unlinked', 'points_refused', 'points_settled',
		'batch_opened', 'batch_closed', 'difference_accepted', 'void_opened'));

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

REVOKE ALL ON FUNCTION handback.open_void(bigint, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.open_void(bigint, text, bigint) TO handback_operator;

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
