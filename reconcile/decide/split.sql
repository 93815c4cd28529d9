-- name: split
-- Redemptions that are answered in parts: what each record is of its redemption, beside the parts that earlier files brought
-- and that still wait. $1 true where a part is known by its line, and not by the partner's reference; $2 what must agree
-- (enum check, or'ed), $3 partner, $4 programme or NULL, $5 the file, where it is read again.
-- Takes pg_temp.stage, picked and duplicates; gives in picked what becomes of these records, takes their redemptions out of
-- duplicates, and gives pg_temp.answer_part: what is new.
--
-- Parts count while nobody has ended their hold, and their file is not void. They are whole when they sum to the debit, all of them say the same, and
-- no record of the file leaves anything open: then the last one answers for all, by the verdict table as any record.
-- Everything else waits: what is more than the debit as points_mismatch, the rest as partly_fulfilled. A part that comes
-- again is a repeat.
WITH said AS MATERIALIZED (
	SELECT s.record_no, s.problem, s.points, s.effective_verdict = :VERDICT_PENDING AS pending, s.effective_verdict = :VERDICT_REJECTED AS rejected,
		CASE WHEN NOT $1::boolean THEN s.partner_reference END AS named,
		CASE WHEN $1::boolean THEN s.record_no::text ELSE s.partner_reference END AS part,
		r.redemption_id, r.external_reference, r.points::bigint AS redeemed,
		s.problem IS NULL AND NOT coalesce(($2::integer & :CHECK_PROGRAMME <> 0 AND s.programme <> r.programme)
			OR ($2::integer & :CHECK_MEMBER <> 0 AND s.member <> r.member)
			OR ($2::integer & :CHECK_CURRENCY <> 0 AND s.currency <> r.currency)
			OR ($2::integer & :CHECK_MERCHANT <> 0 AND s.merchant <> r.merchant)
			OR ($2::integer & :CHECK_TRANSACTION_TYPE <> 0 AND s.transaction_type <> r.transaction_type), false)
			-- of a file that is read again, what it replaces is not judged again: it is no part then either
			AND NOT EXISTS (SELECT FROM handback.correction c WHERE c.file_id = $5::bigint AND c.record_no = s.record_no) AS sound
	FROM pg_temp.stage s
	JOIN pg_temp.picked p ON p.record_no = s.record_no
	JOIN ledger.redemption r ON r.external_reference = p.external_reference
		AND r.partner = $3::text AND ($4::text IS NULL OR r.programme = $4::text)
	-- of a file that is read again, what people have ended is no part
	WHERE NOT EXISTS (SELECT FROM handback.hold h JOIN handback.hold_end e ON e.hold_id = h.hold_id
		WHERE h.file_id = $5::bigint AND h.record_no = s.record_no)
), known AS MATERIALIZED (
	SELECT k.*, h.hold_id IS NOT NULL AND e.hold_id IS NULL
		-- what this file calls void ends with it
		AND NOT EXISTS (SELECT FROM pg_temp.correction c JOIN pg_temp.stage v ON v.record_no = c.record_no
			WHERE v.problem = 'file_void' AND c.other_file = k.file_id AND c.other_record = 0 AND NOT c.met) AS waits
	FROM (SELECT DISTINCT redemption_id FROM said) d
	JOIN handback.answer_part k ON k.redemption_id = d.redemption_id
	LEFT JOIN handback.hold h ON h.file_id = k.file_id AND h.record_no = k.record_no
	LEFT JOIN handback.hold_end e ON e.hold_id = h.hold_id
), waiting AS MATERIALIZED (
	SELECT redemption_id, coalesce(sum(points) FILTER (WHERE NOT rejected), 0) AS fulfilled,
		coalesce(sum(points) FILTER (WHERE rejected), 0) AS rejected
	FROM known WHERE waits GROUP BY redemption_id
), redemption AS MATERIALIZED (
	-- those that are answered in parts: this file says so, or an earlier one did and it waits
	SELECT d.redemption_id, d.external_reference, d.redeemed, v.reversal_id IS NULL AND c.redemption_id IS NULL AS open,
		v.reversal_id IS NOT NULL AND (v.reinstatement_id IS NULL OR v.credit_id IS NOT NULL) AS reversed,
		coalesce(w.fulfilled, 0) AS fulfilled, coalesce(w.rejected, 0) AS rejected
	FROM (SELECT redemption_id, external_reference, redeemed, bool_or(points IS DISTINCT FROM redeemed) AS in_parts
		FROM said GROUP BY redemption_id, external_reference, redeemed) d
	LEFT JOIN waiting w ON w.redemption_id = d.redemption_id
	LEFT JOIN ledger.reversal v ON v.redemption_id = d.redemption_id
	LEFT JOIN handback.outcome c ON c.redemption_id = d.redemption_id AND c.outcome = :OUTCOME_CONFIRMED
	WHERE d.in_parts OR w.redemption_id IS NOT NULL
), counted AS MATERIALIZED (
	SELECT s.*, r.open, r.reversed, s.sound AND NOT s.pending AND s.part IS NOT NULL AND s.points IS NOT NULL AS usable
	FROM said s
	JOIN redemption r ON r.redemption_id = s.redemption_id
), told AS MATERIALIZED (
	SELECT c.*, min(c.record_no) OVER one AS first_record,
		min(c.points) OVER one = max(c.points) OVER one AND bool_and(c.rejected) OVER one = bool_or(c.rejected) OVER one AS identical,
		coalesce(o.file_id, n.file_id) AS known_file, coalesce(o.record_no, n.record_no) AS known_record,
		coalesce(o.points, n.points) AS known_points, coalesce(o.rejected, n.rejected) AS known_rejected,
		coalesce(o.waits, n.waits, false) AS known_waits
	FROM counted c
	LEFT JOIN known o ON o.file_id = $5::bigint AND o.record_no = c.record_no AND o.redemption_id = c.redemption_id
	LEFT JOIN (SELECT DISTINCT ON (redemption_id, part) * FROM known ORDER BY redemption_id, part, waits DESC, attempt DESC) n
		ON n.redemption_id = c.redemption_id AND n.part = c.named
	WINDOW one AS (PARTITION BY c.redemption_id, c.part, c.usable)
), kind AS MATERIALIZED (
	SELECT t.*, 'part ' || coalesce(t.named || ' ', '') || 'of ' || t.points || ': ' AS head,
		CASE
			WHEN t.pending THEN 'pending'
			WHEN NOT t.sound THEN 'unsound'   -- held for what is wrong with it, by decide.sql where it is a value that differs
			WHEN NOT t.usable THEN 'unnamed'
			WHEN NOT t.identical THEN 'conflict'
			WHEN t.first_record < t.record_no THEN 'again'
			WHEN (t.known_points, t.known_rejected) = (t.points, t.rejected)
				AND (CASE WHEN t.open THEN t.known_waits ELSE t.rejected = t.reversed END)
				THEN CASE WHEN t.open THEN 'known' ELSE 'applied' END
			WHEN NOT t.open THEN 'late'
			WHEN t.known_waits THEN 'other'
			ELSE 'new'
		END AS kind
	FROM told t
), whole AS MATERIALIZED (
	SELECT r.redemption_id, r.fulfilled + k.fulfilled AS fulfilled, r.rejected + k.rejected AS rejected, k.last_record,
		CASE
			WHEN r.fulfilled + k.fulfilled + r.rejected + k.rejected > r.redeemed THEN 'points_mismatch'
			WHEN k.clean AND r.redeemed IN (r.fulfilled + k.fulfilled, r.rejected + k.rejected) THEN NULL
			ELSE 'partly_fulfilled'
		END AS reason
	FROM redemption r
	JOIN (
		SELECT redemption_id, coalesce(sum(points) FILTER (WHERE kind = 'new' AND NOT rejected), 0) AS fulfilled,
			coalesce(sum(points) FILTER (WHERE kind = 'new' AND rejected), 0) AS rejected,
			max(record_no) FILTER (WHERE kind = 'new') AS last_record,
			bool_and(kind IN ('new', 'again', 'known', 'pending')) AS clean
		FROM kind GROUP BY redemption_id) k ON k.redemption_id = r.redemption_id
), gone AS (
	DELETE FROM pg_temp.duplicates d USING redemption r WHERE d.external_reference = r.external_reference
), made AS (
	INSERT INTO pg_temp.answer_part (record_no, redemption_id, part, points, rejected)
	SELECT record_no, redemption_id, named, points, rejected FROM kind WHERE kind = 'new'
)
UPDATE pg_temp.picked p SET
	part_reason = CASE k.kind WHEN 'unsound' THEN k.problem WHEN 'new' THEN w.reason WHEN 'conflict' THEN 'conflicting_duplicate'
		WHEN 'unnamed' THEN 'points_mismatch' WHEN 'other' THEN 'points_mismatch' WHEN 'late' THEN 'points_mismatch' END,
	part_outcome = CASE k.kind WHEN 'pending' THEN :OUTCOME_INFORMATIONAL WHEN 'again' THEN :OUTCOME_DUPLICATE_RECORD
		WHEN 'known' THEN :OUTCOME_DUPLICATE_RECORD WHEN 'applied' THEN :OUTCOME_ALREADY_APPLIED
		WHEN 'new' THEN CASE WHEN w.reason IS NULL AND k.record_no < w.last_record THEN :OUTCOME_INFORMATIONAL END END,
	whole = k.kind = 'new' AND w.reason IS NULL AND k.record_no = w.last_record,
	part_detail = CASE k.kind
		WHEN 'new' THEN k.head || CASE WHEN w.reason IS NULL AND k.record_no < w.last_record THEN 'whole with record ' || w.last_record
			ELSE concat_ws(' and ', CASE WHEN w.fulfilled > 0 THEN w.fulfilled || ' fulfilled' END,
				CASE WHEN w.rejected > 0 THEN w.rejected || ' rejected' END) || ' of ' || k.redeemed END
		WHEN 'conflict' THEN k.head || 'conflicting records of one part'
		WHEN 'unnamed' THEN 'points: stated ' || coalesce(k.points::text, 'none') || ', redeemed ' || k.redeemed || '; it names no part'
		WHEN 'again' THEN k.head || 'as record ' || k.first_record
		WHEN 'known' THEN k.head || 'as record ' || k.known_record || ' of file ' || k.known_file
		WHEN 'applied' THEN k.head || 'as record ' || k.known_record || ' of file ' || k.known_file
		WHEN 'other' THEN k.head || 'it was ' || k.known_points || CASE WHEN k.known_rejected THEN ' rejected' ELSE ' fulfilled' END
			|| ' by record ' || k.known_record || ' of file ' || k.known_file
		WHEN 'late' THEN k.head || 'its redemption of ' || k.redeemed || ' is answered already'
	END
FROM kind k
JOIN whole w ON w.redemption_id = k.redemption_id
WHERE p.record_no = k.record_no

-- name: answer_parts
-- Keeps the new parts of a file that is posted. $1 file, $2 true where it was read again: of the records in pg_temp.decided
-- alone. Takes pg_temp.answer_part. The unique key of handback.answer_part holds that a part counts once.
INSERT INTO handback.answer_part (file_id, record_no, redemption_id, part, attempt, points, rejected)
SELECT $1::bigint, p.record_no, p.redemption_id, n.part,
	(SELECT count(*) FROM handback.answer_part k WHERE k.redemption_id = p.redemption_id AND k.part = n.part), p.points, p.rejected
FROM pg_temp.answer_part p
CROSS JOIN LATERAL (SELECT coalesce(p.part, format('record %s of file %s', p.record_no, $1::bigint)) AS part) n
WHERE NOT $2::boolean OR EXISTS (SELECT FROM pg_temp.decided d WHERE d.record_no = p.record_no)
