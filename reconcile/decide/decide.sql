-- name: find_duplicates
-- Redemptions that the file names more than once, and whether the records are identical.
-- $1 true where our external_reference is the only match key. Takes pg_temp.stage and picked, gives duplicates.
--
-- By our reference, the records that may name one again were marked while they were staged (with some that do not):
-- those few are looked for, instead of grouping all.
WITH said AS (
	SELECT a.named, s.*
	FROM (SELECT DISTINCT m.external_reference AS named FROM pg_temp.stage m WHERE $1::boolean AND m.maybe_duplicate) a
	JOIN pg_temp.stage s ON s.external_reference = a.named
	UNION ALL
	SELECT a.named, s.*
	FROM (SELECT m.external_reference AS named FROM pg_temp.picked m
		WHERE NOT $1::boolean AND m.external_reference IS NOT NULL
		GROUP BY m.external_reference HAVING count(*) > 1) a
	JOIN pg_temp.picked p ON p.external_reference = a.named
	JOIN pg_temp.stage s ON s.record_no = p.record_no
)
INSERT INTO pg_temp.duplicates (external_reference, first_record, identical, conflict)
SELECT d.named, min(d.record_no),
	count(DISTINCT (d.verdict, d.points, d.amount, d.currency, d.member, d.programme, d.reasons, d.change,
		d.replaces, d.replaces_file, d.replaces_record)) = 1,
	CASE WHEN min(d.verdict) <> max(d.verdict) THEN 'verdicts: ' || string_agg(v.name, ', ' ORDER BY d.record_no)
		ELSE 'conflicting records: ' || string_agg(d.record_no::text, ', ' ORDER BY d.record_no) END
FROM said d JOIN handback.verdict_name v ON v.verdict = d.verdict
GROUP BY d.named
HAVING count(*) > 1

-- name: decide
-- Every record's outcome, in one statement; in no order.
--
-- $1 partner, $2 programme or NULL, $3 true where our external_reference is the only match key,
-- $4 late_reject: hold or reverse, $5 what must agree (enum check, or'ed), $6 reversal_days or NULL,
-- $7 true for a test file that is kept and reported, and moves nothing, $8 and $9 by how many points, and thousandths of the
-- debit's, an accepted record may differ (-1: not said), $10 and $11 the same of the amount, $12 statuses of members whose
-- rejects are held, or NULL.
-- Takes pg_temp.stage, picked, duplicates and answered, the ledger, and what was decided before. Gives the columns of a
-- leaf without its reversal (lib/proof/leaf_row.h), of these very types, whatever a ledger's own views have.
--
-- The order of the reasons is the order of the CASE in "judged": what is not
-- clear about the record itself, whom it means, what it says twice, what does
-- not agree, what its reason codes ask for; only then the verdict table.
WITH rule AS MATERIALIZED (
	-- one number for state, verdict and age: a million comparisons of texts take their time
	SELECT CASE t.state WHEN 'unknown' THEN :STATE_UNKNOWN WHEN 'open' THEN :STATE_OPEN WHEN 'confirmed' THEN :STATE_CONFIRMED
			WHEN 'reversed' THEN :STATE_REVERSED WHEN 'reinstated' THEN :STATE_REINSTATED END * 100 + t.verdict * 10
		+ (t.age = 'older')::integer AS number, t.outcome, t.hold_reason
	FROM handback.verdict_rule t
	WHERE t.late_reject = $4::text
), found AS (
	SELECT s.*, p.candidates, p.detail AS candidates_shown, p.part_reason, p.part_outcome, p.whole, p.part_detail,
		p.correction, p.corrects, p.correction_repeats,
		r.redemption_id, r.external_reference AS redeemed_reference, r.programme_id, r.programme AS redeemed_programme,
		r.member_id, r.member AS redeemed_member, r.member_status, r.points AS redeemed_points, r.amount AS redeemed_amount,
		r.currency AS redeemed_currency, r.merchant AS redeemed_merchant,
		r.transaction_type AS redeemed_type, r.partner, r.redeemed_at,
		-- what differs within the profile's tolerance: of an acceptance alone, never of what would be reversed or corrects another
		CASE WHEN s.points <> r.points AND s.verdict NOT IN (:VERDICT_REJECTED, :VERDICT_PENDING) AND greatest($8::bigint, $9::bigint) >= 0
			AND p.corrects IS NOT TRUE
			AND ($8::bigint < 0 OR abs(s.points::numeric - r.points) <= $8::bigint)
			AND ($9::bigint < 0 OR abs(s.points::numeric - r.points) * 1000 <= r.points::numeric * $9::bigint)
			THEN s.points::numeric - r.points END AS points_over,
		CASE WHEN s.amount <> r.amount AND s.verdict NOT IN (:VERDICT_REJECTED, :VERDICT_PENDING) AND greatest($10::bigint, $11::bigint) >= 0
			AND p.corrects IS NOT TRUE
			AND coalesce(s.currency = r.currency, true)
			AND ($10::bigint < 0 OR abs(s.amount::numeric - r.amount) <= $10::bigint)
			AND ($11::bigint < 0 OR abs(s.amount::numeric - r.amount) * 1000 <= r.amount::numeric * $11::bigint)
			THEN s.amount::numeric - r.amount END AS amount_over
	FROM pg_temp.stage s
	LEFT JOIN pg_temp.picked p ON p.record_no = s.record_no
	LEFT JOIN ledger.redemption r
		ON r.external_reference = CASE WHEN $3::boolean THEN s.external_reference ELSE p.external_reference END
		AND r.partner = $1::text AND ($2::text IS NULL OR r.programme = $2::text)
), stated AS (
	SELECT f.*, d.first_record, d.identical, d.conflict,
		CASE
			WHEN f.redemption_id IS NULL THEN :STATE_UNKNOWN
			WHEN v.reinstatement_id IS NOT NULL AND v.credit_id IS NULL THEN :STATE_REINSTATED
			WHEN v.reversal_id IS NOT NULL THEN :STATE_REVERSED
			WHEN c.redemption_id IS NOT NULL THEN :STATE_CONFIRMED
			ELSE :STATE_OPEN
		END AS state,
		a.redemption_id IS NOT NULL AS older,
		-- the first that does not agree; NULL where all that is stated agrees
		CASE
			WHEN $5::integer & :CHECK_PROGRAMME <> 0 AND f.programme <> f.redeemed_programme THEN 'programme_mismatch'
			WHEN $5::integer & :CHECK_MEMBER <> 0 AND f.member <> f.redeemed_member THEN 'member_mismatch'
			WHEN $5::integer & :CHECK_POINTS <> 0 AND f.points <> f.redeemed_points AND f.points_over IS NULL
				AND f.whole IS NOT TRUE THEN 'points_mismatch'
			WHEN $5::integer & :CHECK_CURRENCY <> 0 AND f.currency <> f.redeemed_currency THEN 'currency_mismatch'
			WHEN $5::integer & :CHECK_AMOUNT <> 0 AND f.amount <> f.redeemed_amount AND f.amount_over IS NULL
				AND f.whole IS NOT TRUE THEN 'amount_mismatch'
			WHEN $5::integer & :CHECK_MERCHANT <> 0 AND f.merchant <> f.redeemed_merchant THEN 'merchant_mismatch'
			WHEN $5::integer & :CHECK_TRANSACTION_TYPE <> 0 AND f.transaction_type <> f.redeemed_type THEN 'transaction_type_mismatch'
		END AS mismatch
	FROM found f
	LEFT JOIN pg_temp.duplicates d ON d.external_reference = f.redeemed_reference
	LEFT JOIN pg_temp.answered a ON a.redemption_id = f.redemption_id
	LEFT JOIN ledger.reversal v ON v.redemption_id = f.redemption_id
	LEFT JOIN handback.outcome c ON c.redemption_id = f.redemption_id AND c.outcome = :OUTCOME_CONFIRMED
	OFFSET 0   -- state and mismatch are worked out once here, not wherever they are named below
), judged AS (
	SELECT s.*, rule.outcome AS rule_outcome, rule.hold_reason AS rule_reason,
		CASE
			WHEN $7::boolean THEN NULL
			WHEN s.problem IN ('bad_value', 'whole_message') THEN s.problem
			WHEN s.correction_repeats THEN NULL
			WHEN s.problem IN ('correction', 'file_void') THEN s.problem
			WHEN s.part_reason IS NOT NULL THEN s.part_reason
			WHEN s.part_outcome IS NOT NULL THEN NULL
			WHEN s.candidates > 1 THEN 'ambiguous'
			WHEN s.state = :STATE_UNKNOWN THEN rule.hold_reason
			WHEN NOT s.identical THEN 'conflicting_duplicate'
			WHEN s.first_record < s.record_no THEN NULL   -- a duplicate record
			WHEN s.mismatch IS NOT NULL THEN s.mismatch
			WHEN s.problem IS NOT NULL THEN s.problem
			WHEN rule.outcome = :OUTCOME_REVERSED AND s.redeemed_at + $6::integer * interval '1 day' < transaction_timestamp()
				THEN 'reversal_late'
			-- the partner answered with its credit when it was asked, and says the opposite here
			WHEN rule.outcome = :OUTCOME_REVERSED AND $4::text = 'hold' AND points.was_credited(s.redemption_id) THEN 'contradiction'
			WHEN rule.outcome = :OUTCOME_REVERSED AND s.member_status = ANY ($12::text[]) THEN 'member_status'
			-- what it replaces is settled
			WHEN s.corrects AND rule.hold_reason = 'contradiction' THEN 'correction'
			ELSE rule.hold_reason
		END AS hold_reason
	FROM stated s
	LEFT JOIN rule ON rule.number = s.state * 100 + s.effective_verdict * 10 + s.older::integer
	OFFSET 0   -- likewise the reason: nine times a record otherwise, which is two fifths of the whole statement
)
SELECT j.record_no, 0::smallint AS revision, j.byte_offset, j.byte_length, j.verdict,
	CASE
		WHEN $7::boolean THEN :OUTCOME_INFORMATIONAL
		WHEN j.hold_reason IS NOT NULL THEN :OUTCOME_HELD
		WHEN j.correction_repeats THEN :OUTCOME_DUPLICATE_RECORD
		WHEN j.part_outcome IS NOT NULL THEN j.part_outcome
		WHEN j.first_record < j.record_no THEN :OUTCOME_DUPLICATE_RECORD
		ELSE j.rule_outcome
	END AS outcome,
	j.hold_reason, j.points,
	CASE WHEN j.redeemed_reference IS NULL OR j.external_reference IS DISTINCT FROM j.redeemed_reference
		THEN coalesce(j.external_reference::text, j.reference_shown, j.outbound_reference || coalesce('/' || j.outbound_line, ''),
			j.partner_reference) END AS reference,
	j.reasons,
	nullif(concat_ws('; ', j.correction, CASE
		WHEN j.hold_reason = 'ambiguous' OR (j.hold_reason = 'unknown_reference' AND j.candidates_shown IS NOT NULL)
			THEN j.candidates_shown
		WHEN j.hold_reason = 'member_status' THEN concat_ws('; ', 'the member is ' || j.member_status, j.part_detail,
			'change: ' || j.change, j.reason_text)
		WHEN j.part_detail IS NOT NULL THEN concat_ws('; ', j.part_detail, 'change: ' || j.change, j.reason_text)
		WHEN j.hold_reason = 'conflicting_duplicate' THEN j.conflict
		WHEN j.hold_reason IS NOT NULL AND j.hold_reason = j.mismatch THEN concat_ws('; ',
			CASE WHEN j.programme <> j.redeemed_programme THEN
				handback.unlike('programme', j.programme, j.redeemed_programme) END,
			CASE WHEN j.member <> j.redeemed_member THEN
				handback.unlike('member', j.member, j.redeemed_member) END,
			CASE WHEN j.points <> j.redeemed_points THEN
				format('points: stated %s, redeemed %s', j.points, j.redeemed_points) END,
			CASE WHEN j.currency <> j.redeemed_currency THEN
				handback.unlike('currency', j.currency, j.redeemed_currency) END,
			CASE WHEN j.amount <> j.redeemed_amount THEN
				format('amount: stated %s, redeemed %s', j.amount, j.redeemed_amount) END,
			CASE WHEN j.merchant <> j.redeemed_merchant THEN
				handback.unlike('merchant', j.merchant, j.redeemed_merchant) END,
			CASE WHEN j.transaction_type <> j.redeemed_type THEN
				format('transaction type: stated %s, redeemed %s', j.transaction_type, j.redeemed_type) END)
		WHEN j.change IS NOT NULL OR j.reason_text IS NOT NULL OR j.points_over IS NOT NULL OR j.amount_over IS NOT NULL
			-- report.sql finds the first two by how they begin
			THEN concat_ws('; ',
				'points: fulfilled ' || j.points || ', redeemed ' || j.redeemed_points || ', difference ' || j.points_over,
				'amount: fulfilled ' || j.amount || ', redeemed ' || j.redeemed_amount || ', difference ' || j.amount_over,
				'change: ' || j.change, j.reason_text)
	END), '') AS detail,
	transaction_timestamp() AS decided_at,
	j.redemption_id::bigint, j.redeemed_reference::uuid, j.programme_id::bigint, j.member_id::bigint, j.redeemed_points::bigint,
	j.redeemed_amount::bigint, j.redeemed_currency::text, j.redeemed_merchant::text, j.redeemed_type::bigint, j.partner::text,
	j.redeemed_at::timestamptz
FROM judged j
