-- name: match_key
-- One match key of the profile, for the records that no earlier key has found.
-- $1 which key (from 1), $2 its parts (enum key_part, or'ed), $3 partner, $4 programme or NULL, $5 zone of dates,
-- $6 references (of enum key_part) that are stronger than this key, $7 true where a redemption that has no such reference
-- may be meant all the same, $8 how many days before the record's day a redemption may lie (-1: any), $9 the file's business
-- date (days since 1970) or NULL: the day of a record that has none where date is no part of the key.
-- Gives pg_temp.candidate. Never prepared: planned with its parts known, each part that is not in the key vanishes.
--
-- A reference that a record states rules: what a weaker key finds has to have it, or is only shown.
INSERT INTO pg_temp.candidate (record_no, key_no, external_reference, shown)
SELECT s.record_no, $1::smallint, r.external_reference,
	CASE WHEN
		   ($6::integer & :KEY_EXTERNAL_REFERENCE <> 0 AND (s.reference_shown IS NOT NULL OR r.external_reference <> s.external_reference))
		OR ($6::integer & :KEY_OUTBOUND_REFERENCE <> 0 AND s.outbound_reference IS NOT NULL
			AND CASE WHEN r.outbound_reference IS NULL THEN NOT $7::boolean
				ELSE r.outbound_reference NOT IN (s.outbound_reference, concat_ws('/', s.outbound_reference, s.outbound_line)) END)
		OR ($6::integer & :KEY_PARTNER_REFERENCE <> 0 AND s.partner_reference IS NOT NULL
			AND CASE WHEN r.partner_reference IS NULL THEN NOT $7::boolean
				ELSE r.partner_reference <> s.partner_reference END)
	THEN concat_ws(' ', r.external_reference, 'outbound_reference ' || r.outbound_reference,
		'partner_reference ' || r.partner_reference) END
FROM pg_temp.stage s
JOIN ledger.redemption r ON
	    ($2::integer & :KEY_EXTERNAL_REFERENCE = 0 OR r.external_reference = s.external_reference)
	AND ($2::integer & :KEY_OUTBOUND_REFERENCE = 0 OR r.outbound_reference = s.outbound_reference)
	AND ($2::integer & :KEY_PARTNER_REFERENCE = 0 OR r.partner_reference = s.partner_reference)
	-- a line of our own request file: outbound references are "message/line" then
	AND ($2::integer & :KEY_OUTBOUND_LINE = 0 OR r.outbound_reference = s.outbound_reference || '/' || s.outbound_line::text)
	AND ($2::integer & :KEY_MEMBER = 0 OR r.member = s.member)
	AND ($2::integer & :KEY_POINTS = 0 OR r.points = s.points)
	AND ($8::integer < 0 OR CASE WHEN $2::integer & :KEY_DATE <> 0 THEN s.date
			ELSE coalesce(s.date, date '1970-01-01' + $9::integer, (transaction_timestamp() AT TIME ZONE $5::text)::date) END
		- (r.redeemed_at AT TIME ZONE $5::text)::date BETWEEN 0 AND $8::integer)
	AND ($2::integer & :KEY_AMOUNT = 0 OR r.amount = s.amount)
	AND ($2::integer & :KEY_MERCHANT = 0 OR r.merchant = s.merchant)
	AND ($2::integer & :KEY_TRANSACTION_TYPE = 0 OR r.transaction_type = s.transaction_type)
WHERE r.partner = $3::text AND ($4::text IS NULL OR r.programme = $4::text)
	AND NOT EXISTS (SELECT FROM pg_temp.candidate c WHERE c.record_no = s.record_no AND c.shown IS NULL)

-- name: match_pick
-- The one candidate of a record, or none where there are several: never a guess. What is only shown is none, and is told
-- where there is no other. Takes pg_temp.candidate. $1 keys without a reference (bit n: key number n).
--
-- Of several, those of the record's programme come first; of a key without a reference those that are open come before
-- what is answered; and where all are answered as the record says, it repeats one of them, the newest: nothing moves.
WITH several AS MATERIALIZED (
	SELECT c.record_no, c.external_reference, r.redeemed_at, s.effective_verdict AS verdict,
		coalesce(r.programme <> s.programme, false) AS elsewhere,
		mod($1::integer >> c.key_no, 2) = 1 AS weak,
		CASE WHEN v.reinstatement_id IS NOT NULL AND v.credit_id IS NULL THEN :STATE_REINSTATED WHEN v.reversal_id IS NOT NULL THEN :STATE_REVERSED
			WHEN o.redemption_id IS NOT NULL THEN :STATE_CONFIRMED ELSE :STATE_OPEN END AS state
	FROM (SELECT record_no FROM pg_temp.candidate WHERE shown IS NULL GROUP BY record_no HAVING count(*) > 1) m
	JOIN pg_temp.candidate c ON c.record_no = m.record_no AND c.shown IS NULL
	JOIN pg_temp.stage s ON s.record_no = c.record_no
	JOIN ledger.redemption r ON r.external_reference = c.external_reference
	LEFT JOIN ledger.reversal v ON v.redemption_id = r.redemption_id
	LEFT JOIN handback.outcome o ON o.redemption_id = r.redemption_id AND o.outcome = :OUTCOME_CONFIRMED
), best AS (
	SELECT *, rank() OVER (PARTITION BY record_no ORDER BY elsewhere, weak AND state <> :STATE_OPEN) AS place,
		CASE WHEN verdict = :VERDICT_REJECTED THEN state = :STATE_REVERSED WHEN verdict = :VERDICT_PENDING THEN state <> :STATE_OPEN
			ELSE state IN (:STATE_CONFIRMED, :STATE_REINSTATED) END AS says_so
	FROM several
), told AS (
	SELECT *, bool_and(weak AND says_so) OVER (PARTITION BY record_no) AS repeats,
		row_number() OVER (PARTITION BY record_no ORDER BY redeemed_at DESC, external_reference) AS newest
	FROM best WHERE place = 1
), meant AS (
	SELECT record_no, external_reference FROM told WHERE NOT repeats OR newest = 1
	UNION ALL
	SELECT c.record_no, c.external_reference FROM pg_temp.candidate c
	WHERE c.shown IS NULL AND NOT EXISTS (SELECT FROM several s WHERE s.record_no = c.record_no)
)
INSERT INTO pg_temp.picked (record_no, external_reference, candidates, detail)
SELECT record_no, CASE WHEN count(*) = 1 THEN (array_agg(external_reference))[1] END, count(*),
	CASE WHEN count(*) > 1 THEN 'candidates: '
		|| array_to_string((array_agg(external_reference::text ORDER BY external_reference))[1:5], ', ')
		|| CASE WHEN count(*) > 5 THEN ' and ' || count(*) - 5 || ' more' ELSE '' END END
FROM meant
GROUP BY record_no
UNION ALL
SELECT record_no, NULL, 0, 'no redemption has the stated reference; without it the record would fit '
	|| array_to_string((array_agg(shown ORDER BY external_reference))[1:5], ', ')
	|| CASE WHEN count(*) > 5 THEN ' and ' || count(*) - 5 || ' more' ELSE '' END
FROM pg_temp.candidate
GROUP BY record_no
HAVING bool_and(shown IS NOT NULL)

-- name: answered
-- Redemptions that a newer file has answered: only run where there is a newer file.
-- $1 to $6 as in file_order. Takes pg_temp.stage and picked, gives pg_temp.answered.
-- The few newer files come first: never the whole history by the new file's number.
INSERT INTO pg_temp.answered (redemption_id)
SELECT DISTINCT o.redemption_id
FROM handback.file f
JOIN handback.outcome o ON o.file_id = f.file_id
WHERE f.partner_id = $1::integer AND f.profile = $2::text
	AND CASE $3::text
		WHEN 'sequence' THEN (f.period, f.place) > (coalesce(date '1970-01-01' + $4::integer, '-infinity'), $5::bigint)
		WHEN 'business_date' THEN f.business_date > date '1970-01-01' + $6::integer END
	AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_ALREADY_APPLIED) AND o.redemption_id IS NOT NULL
	AND o.record_no > 0   -- deemed acceptance is no answer
