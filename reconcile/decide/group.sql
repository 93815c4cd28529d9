-- name: group
-- Records whose reference several redemptions share, where the profile says so: all of them are answered, or none is.
-- $1 the key of match that has this reference alone (from 1), $2 what must agree (enum check, or'ed), $3 late_reject: hold or
-- reverse, $4 reversal_days or NULL, $5 statuses of members whose rejects are held, or NULL.
-- Takes pg_temp.stage, candidate, picked and answered; gives in picked what becomes of these records, and pg_temp.grouped: what
-- becomes of each redemption.
--
-- Each redemption is judged by the verdict table as if the record named it alone. Where all come to the same, that is done;
-- otherwise the record is held, and says which redemption stands in the way. Points and amount that the record states are
-- the sums of the redemptions'.
WITH member AS MATERIALIZED (
	SELECT s.record_no, s.verdict, s.effective_verdict, s.problem, s.points, s.amount, s.reasons, s.change, s.currency AS stated_currency,
		r.redemption_id, r.external_reference, r.points::bigint AS redeemed, r.amount::bigint AS redeemed_amount, r.redeemed_at, r.member_status,
		CASE
			WHEN $2::integer & :CHECK_MEMBER <> 0 AND s.member <> r.member THEN 'member_mismatch'
			WHEN $2::integer & :CHECK_CURRENCY <> 0 AND s.currency <> r.currency THEN 'currency_mismatch'
			WHEN $2::integer & :CHECK_MERCHANT <> 0 AND s.merchant <> r.merchant THEN 'merchant_mismatch'
			WHEN $2::integer & :CHECK_TRANSACTION_TYPE <> 0 AND s.transaction_type <> r.transaction_type THEN 'transaction_type_mismatch'
		END AS mismatch,
		CASE WHEN v.reinstatement_id IS NOT NULL AND v.credit_id IS NULL THEN 'reinstated' WHEN v.reversal_id IS NOT NULL THEN 'reversed'
			WHEN o.redemption_id IS NOT NULL THEN 'confirmed' ELSE 'open' END AS state,
		CASE WHEN a.redemption_id IS NOT NULL THEN 'older' ELSE 'newer' END AS age
	FROM pg_temp.picked p
	JOIN pg_temp.stage s ON s.record_no = p.record_no
	JOIN pg_temp.candidate c ON c.record_no = p.record_no AND c.key_no = $1::smallint AND c.shown IS NULL
	JOIN ledger.redemption r ON r.external_reference = c.external_reference AND coalesce(r.programme = s.programme, true)
	LEFT JOIN ledger.reversal v ON v.redemption_id = r.redemption_id
	LEFT JOIN handback.outcome o ON o.redemption_id = r.redemption_id AND o.outcome = :OUTCOME_CONFIRMED
	LEFT JOIN pg_temp.answered a ON a.redemption_id = r.redemption_id
	WHERE p.candidates > 1 AND coalesce(s.problem NOT IN ('bad_value', 'whole_message', 'correction', 'file_void'), true)
), judged AS MATERIALIZED (
	SELECT m.*, t.outcome, CASE
		WHEN t.outcome = :OUTCOME_REVERSED AND m.redeemed_at + $4::integer * interval '1 day' < transaction_timestamp() THEN 'reversal_late'
		WHEN t.outcome = :OUTCOME_REVERSED AND m.member_status = ANY ($5::text[]) THEN 'member_status'
		ELSE t.hold_reason END AS hold_reason
	FROM member m
	JOIN handback.verdict_rule t ON t.state = m.state AND t.verdict = m.effective_verdict AND t.age = m.age AND t.late_reject = $3::text
), named AS MATERIALIZED (
	-- who else in the file names these redemptions
	SELECT external_reference, record_no, true AS grouped FROM member
	UNION ALL
	SELECT p.external_reference, p.record_no, false FROM pg_temp.picked p
	WHERE p.external_reference IN (SELECT external_reference FROM member)
), shared AS MATERIALIZED (
	SELECT external_reference, min(record_no) AS first_record, string_agg(record_no::text, ', ' ORDER BY record_no) AS records
	FROM named GROUP BY external_reference HAVING count(*) > 1
), alike AS MATERIALIZED (
	-- of those that share a redemption: do all of its records say the same, and are they records of groups?
	SELECT n.external_reference,
		count(DISTINCT (m.verdict, m.points, m.amount, m.stated_currency, m.reasons, m.change)) = 1 AND bool_and(n.grouped) AS identical
	FROM named n
	JOIN shared s USING (external_reference)
	LEFT JOIN member m ON m.record_no = n.record_no AND m.external_reference = n.external_reference
	GROUP BY n.external_reference
), one AS MATERIALIZED (
	SELECT j.record_no, count(*) AS redemptions, min(j.points) AS points, sum(j.redeemed) AS redeemed, min(j.amount) AS amount,
		sum(j.redeemed_amount) AS redeemed_amount, min(j.problem) AS problem, min(j.outcome) AS outcome,
		min(j.mismatch) AS mismatch, min(j.external_reference::text) FILTER (WHERE j.mismatch IS NOT NULL) AS mismatched,
		min(j.outcome) < max(j.outcome) OR count(DISTINCT coalesce(j.hold_reason, '')) > 1 AS unlike,
		min(j.hold_reason) AS hold_reason,
		string_agg(DISTINCT j.state, ' and ') AS states,
		-- the odd one: of what is rarest
		(array_agg(j.external_reference || ' is ' || j.state || coalesce(': ' || j.hold_reason, '') ORDER BY w.many, j.external_reference))[1] AS odd,
		bool_and(a.identical) AS identical, bool_or(a.identical IS NOT NULL) AS shares, min(s.first_record) AS first_record,
		max(s.records) AS records
	FROM judged j
	JOIN (SELECT record_no, state, hold_reason, count(*) AS many FROM judged GROUP BY record_no, state, hold_reason) w
		ON w.record_no = j.record_no AND w.state = j.state AND w.hold_reason IS NOT DISTINCT FROM j.hold_reason
	LEFT JOIN shared s ON s.external_reference = j.external_reference
	LEFT JOIN alike a ON a.external_reference = j.external_reference
	GROUP BY j.record_no
	HAVING count(*) > 1
), fate AS MATERIALIZED (
	SELECT o.*, CASE
			WHEN o.shares AND NOT (o.identical AND o.first_record <= o.record_no) THEN 'conflicting_duplicate'
			WHEN o.shares AND o.first_record < o.record_no THEN NULL   -- a duplicate record
			WHEN o.mismatch IS NOT NULL THEN o.mismatch
			WHEN $2::integer & :CHECK_POINTS <> 0 AND o.points <> o.redeemed THEN 'points_mismatch'
			WHEN $2::integer & :CHECK_AMOUNT <> 0 AND o.amount <> o.redeemed_amount THEN 'amount_mismatch'
			WHEN o.problem IS NOT NULL THEN o.problem
			WHEN o.unlike THEN 'group_differs'
			ELSE o.hold_reason
		END AS reason,
		coalesce(o.shares AND o.identical AND o.first_record < o.record_no, false) AS repeats
	FROM one o
), made AS (
	INSERT INTO pg_temp.grouped (record_no, redemption_id, outcome, points)
	SELECT f.record_no, j.redemption_id, f.outcome, j.redeemed
	FROM fate f
	JOIN judged j ON j.record_no = f.record_no
	WHERE f.reason IS NULL AND NOT f.repeats AND f.outcome <> :OUTCOME_INFORMATIONAL
), others AS (
	UPDATE pg_temp.picked p SET part_reason = 'conflicting_duplicate', part_detail = 'conflicting records: ' || s.records
	FROM shared s
	WHERE p.external_reference = s.external_reference
)
UPDATE pg_temp.picked p SET part_reason = f.reason,
	part_outcome = CASE WHEN f.reason IS NOT NULL THEN NULL WHEN f.repeats THEN :OUTCOME_DUPLICATE_RECORD ELSE :OUTCOME_INFORMATIONAL END,
	part_detail = CASE
		WHEN f.reason = 'conflicting_duplicate' THEN 'conflicting records: ' || f.records
		WHEN f.reason = 'points_mismatch' THEN format('points: stated %s, redeemed %s by %s redemptions', f.points, f.redeemed, f.redemptions)
		WHEN f.reason = 'amount_mismatch' THEN format('amount: stated %s, redeemed %s by %s redemptions', f.amount, f.redeemed_amount, f.redemptions)
		WHEN f.reason = f.mismatch THEN format('one of its %s redemptions, %s, is of another one', f.redemptions, f.mismatched)
		WHEN f.reason IS NOT NULL THEN format('of its %s redemptions of %s points %s', f.redemptions, f.redeemed, f.odd)
		WHEN f.repeats THEN 'as record ' || f.first_record
		-- what moves nothing answers none: audit verify looks for the outcomes of those that do
		ELSE format(CASE WHEN f.outcome = :OUTCOME_INFORMATIONAL THEN 'it is about %s redemptions of %s points, which stay as they are'
			ELSE 'it answers %s redemptions of %s points' END, f.redemptions, f.redeemed)
	END
FROM fate f
WHERE p.record_no = f.record_no

-- name: group_count
-- What the groups of the file come to. Takes pg_temp.grouped.
SELECT count(*) AS redemptions, count(*) FILTER (WHERE outcome = :OUTCOME_REVERSED) AS reversed,
	coalesce(sum(points) FILTER (WHERE outcome = :OUTCOME_REVERSED), 0)::bigint AS points
FROM pg_temp.grouped
