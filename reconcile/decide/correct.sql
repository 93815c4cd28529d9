-- name: corrections
-- Records that say that they replace an earlier one: which that is, and whether the verdict table may decide them.
-- $1 to $6 as in file_order, $7 true where redemptions are answered in parts. Takes pg_temp.stage and picked, gives
-- pg_temp.correction.
--
-- The earlier record is of this partner and profile, in a file that stands before this one. What is not clear beyond doubt
-- is held: which record it is, whether both mean the same redemption, and a file that is said to be void. A correction that
-- was said before of the same record, in the same words, is a repeat while that waits or stands: found by the hash of what
-- it states. What is earlier is looked up for each (OFFSET 0): as joins, a plan that took the records for many went through
-- all that the partner ever corrected.
WITH said AS MATERIALIZED (
	SELECT s.record_no, s.verdict, s.points, s.member, s.reasons, s.replaces AS named, r.redemption_id, n.named_file, n.named_record,
		sha256(convert_to(ROW(s.replaces, n.named_file, n.named_record, s.verdict, s.points, s.amount, s.currency, s.member, s.programme,
			s.merchant, s.transaction_type, s.reasons, s.change)::text, 'UTF8')) AS stated,
		coalesce(s.replaces_file ~ '^[0-9]{1,18}$', s.replaces IS NOT NULL)
			AND coalesce(s.replaces_record ~ '^[0-9]{1,18}$', true) AND (s.replaces_file IS NOT NULL OR s.replaces_record IS NULL) AS sound,
		s.replaces IS NULL AND s.replaces_record IS NULL AS void,
		concat_ws(' of ', CASE WHEN s.replaces IS NOT NULL THEN 'record "' || left(s.replaces, 60) || '"' END,
			'record ' || left(s.replaces_record, 20), 'file number ' || left(s.replaces_file, 20)) AS words
	FROM pg_temp.stage s
	CROSS JOIN LATERAL (SELECT
		CASE WHEN s.replaces_file ~ '^[0-9]{1,18}$' THEN s.replaces_file::bigint END AS named_file,
		CASE WHEN s.replaces_record ~ '^[0-9]{1,18}$' THEN s.replaces_record::bigint END AS named_record) n
	LEFT JOIN pg_temp.picked p ON p.record_no = s.record_no
	LEFT JOIN ledger.redemption r ON r.external_reference = p.external_reference
	WHERE coalesce(s.replaces, s.replaces_file, s.replaces_record) IS NOT NULL
), before AS NOT MATERIALIZED (
	SELECT f.file_id, f.sequence, f.period FROM handback.file f
	WHERE f.partner_id = $1::integer AND f.profile = $2::text AND f.state = 'posted' AND CASE $3::text
		WHEN 'sequence' THEN (f.period, f.place) < (coalesce(date '1970-01-01' + $4::integer, '-infinity'), $5::bigint)
		WHEN 'business_date' THEN f.business_date <= date '1970-01-01' + $6::integer
		ELSE true END
), of_number AS MATERIALIZED (
	-- of the newest period that has it; below this file's own number of this period alone
	SELECT n.named_file, count(*) AS files, min(n.file_id) AS file_id
	FROM (SELECT d.named_file, f.file_id, rank() OVER (PARTITION BY d.named_file ORDER BY f.period DESC) AS place
		FROM (SELECT DISTINCT named_file FROM said WHERE named_file IS NOT NULL) d
		CROSS JOIN LATERAL (SELECT b.file_id, b.period FROM before b WHERE b.sequence = d.named_file OFFSET 0) f
		WHERE f.period = coalesce(date '1970-01-01' + $4::integer, '-infinity') OR d.named_file >= $5::bigint) n
	WHERE n.place = 1
	GROUP BY n.named_file
), of_name AS MATERIALIZED (
	SELECT s.record_no, count(*) AS records, min(k.file_id) AS file_id, min(k.record_no) AS named_record
	FROM said s
	CROSS JOIN LATERAL (SELECT w.file_id, w.record_no FROM handback.record_id w
		WHERE w.partner_id = $1::integer AND w.profile = $2::text AND w.record_id = s.named OFFSET 0) k
	JOIN before b ON b.file_id = k.file_id
	LEFT JOIN of_number f ON f.named_file = s.named_file
	WHERE (s.named_file IS NULL OR k.file_id = f.file_id) AND (s.named_record IS NULL OR k.record_no = s.named_record)
	GROUP BY s.record_no
), target AS MATERIALIZED (
	SELECT s.*, f.files, i.records, t.other_file, t.other_record, o.last, o.redemptions
	FROM said s
	LEFT JOIN of_number f ON f.named_file = s.named_file
	LEFT JOIN of_name i ON i.record_no = s.record_no
	CROSS JOIN LATERAL (SELECT
		CASE WHEN NOT s.sound OR f.files > 1 OR i.records > 1 THEN NULL WHEN s.named IS NULL THEN f.file_id ELSE i.file_id END AS other_file,
		CASE WHEN s.void THEN 0 WHEN s.named IS NULL THEN s.named_record ELSE i.named_record END AS other_record) t
	LEFT JOIN LATERAL (
		SELECT (array_agg(o ORDER BY o.revision DESC))[1] AS last, count(DISTINCT o.redemption_id) AS redemptions
		FROM handback.outcome o
		WHERE o.file_id = t.other_file AND o.record_no = t.other_record AND t.other_record > 0) o ON true
), fate AS MATERIALIZED (
	SELECT t.*, n.name AS outcome_name, b.file_id AS repeated_file, b.record_no AS repeated_record,
		CASE
			WHEN NOT t.sound THEN 'it names no record'
			WHEN t.named_file IS NOT NULL AND t.files IS NULL THEN 'no file with that number was posted before this one'
			WHEN t.files > 1 THEN 'several files have that number'
			WHEN t.records > 1 THEN 'several records have that name'
			WHEN t.void THEN NULL
			WHEN (t.last).file_id IS NULL THEN 'there is no such record before this one'
			WHEN x.file_id IS NOT NULL THEN format('record %s of file %s replaced it already', x.record_no, x.file_id)
			WHEN $7::boolean OR t.redemptions > 1 THEN 'redemptions are answered in parts or as a group'
			WHEN t.redemption_id IS NULL THEN 'the redemption that this one means is not found'
			WHEN (t.last).redemption_id <> t.redemption_id
				THEN format('that one is of redemption %s, and this one of %s', (t.last).redemption_id, t.redemption_id)
			WHEN (t.last).redemption_id IS NULL AND NOT coalesce(h.member = t.member, false)
				THEN 'nothing shows that both mean the same redemption'
			WHEN count(*) OVER of_one > count(t.redemption_id) OVER of_one OR min(t.redemption_id) OVER of_one <> max(t.redemption_id) OVER of_one
				THEN 'other records of this file replace it, too'
		END AS against
	FROM target t
	LEFT JOIN handback.outcome_name n ON n.outcome = (t.last).outcome
	LEFT JOIN LATERAL (
		SELECT u.member
		FROM handback.hold h
		JOIN handback.hold_stated u ON u.hold_id = h.hold_id
		WHERE h.file_id = t.other_file AND h.record_no = t.other_record
			AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
		LIMIT 1) h ON true
	LEFT JOIN LATERAL (
		SELECT c.file_id, c.record_no
		FROM handback.correction_of c
		WHERE c.corrected_file = t.other_file AND c.corrected_record = t.other_record
		ORDER BY c.file_id DESC, c.record_no DESC
		LIMIT 1) x ON true
	LEFT JOIN LATERAL (
		-- said before of the same record, in the same words of the same redemption
		SELECT c.file_id, c.record_no
		FROM handback.correction c
		JOIN handback.file g ON g.file_id = c.file_id
		JOIN handback.outcome o ON o.file_id = c.file_id AND o.record_no = c.record_no AND o.revision = 0
		WHERE c.partner_id = $1::integer AND c.profile = $2::text AND c.stated = t.stated
			AND (t.named_file IS NULL OR g.period = coalesce(date '1970-01-01' + $4::integer, '-infinity'))
			AND CASE WHEN t.other_file IS NOT NULL AND (t.void OR (t.last).file_id IS NOT NULL)
				THEN EXISTS (SELECT FROM handback.correction_of l WHERE l.file_id = c.file_id AND l.record_no = c.record_no
					AND l.corrected_file = t.other_file AND l.corrected_record = t.other_record)
				ELSE NOT EXISTS (SELECT FROM handback.correction_of l WHERE l.file_id = c.file_id AND l.record_no = c.record_no) END
			AND o.redemption_id IS NOT DISTINCT FROM t.redemption_id AND o.outcome <> :OUTCOME_DUPLICATE_RECORD
			-- what is held for another reason was not judged as a correction: this one may be right
			AND (o.outcome <> :OUTCOME_HELD OR o.hold_reason IN ('correction', 'file_void'))
			AND NOT EXISTS (SELECT FROM handback.hold h JOIN handback.hold_end e ON e.hold_id = h.hold_id
				WHERE h.file_id = c.file_id AND h.record_no = c.record_no AND e.how = 'closed'
					AND NOT EXISTS (SELECT FROM handback.hold n WHERE n.reopens = h.hold_id))
			-- one that was replaced itself, or whose file is void, is not said any more; nor is one that was decided, and is not so now
			AND NOT EXISTS (SELECT FROM handback.correction_of y
				WHERE y.corrected_file = c.file_id AND y.corrected_record IN (c.record_no, 0))
			AND (c.file_id, c.record_no) NOT IN (SELECT w.other_file, w.other_record FROM target w
				WHERE w.other_file IS NOT NULL AND w.other_record IS NOT NULL)
			AND c.file_id NOT IN (SELECT w.other_file FROM target w WHERE w.void AND w.other_file IS NOT NULL)
			AND (t.redemption_id IS NULL OR t.verdict = :VERDICT_PENDING
				OR CASE WHEN t.verdict = :VERDICT_REJECTED THEN handback.redemption_state(t.redemption_id) = 'reversed'
					ELSE handback.redemption_state(t.redemption_id) IN ('confirmed', 'reinstated') END
				OR EXISTS (SELECT FROM handback.hold h WHERE h.file_id = c.file_id AND h.record_no = c.record_no
					AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)))
		ORDER BY c.file_id DESC, c.record_no DESC
		LIMIT 1) b ON t.sound
	WINDOW of_one AS (PARTITION BY t.other_file, t.other_record)
)
INSERT INTO pg_temp.correction (record_no, met, named, named_file, named_record, stated, other_file, other_record, reason, repeats, told)
SELECT f.record_no, false, f.named, CASE WHEN f.sound THEN f.named_file END, CASE WHEN f.sound THEN f.named_record END,
	CASE WHEN f.repeated_file IS NULL THEN f.stated END,
	CASE WHEN f.void OR (f.last).file_id IS NOT NULL THEN f.other_file END, f.other_record,
	CASE WHEN f.repeated_file IS NOT NULL THEN NULL WHEN f.void AND f.sound THEN 'file_void' WHEN f.against IS NOT NULL THEN 'correction' END,
	f.repeated_file IS NOT NULL,
	concat_ws(': ', CASE
		WHEN f.repeated_file IS NOT NULL THEN format('replaces %s, as record %s of file %s', f.words, f.repeated_record, f.repeated_file)
		WHEN f.void AND f.other_file IS NOT NULL THEN format('%s is void, which is file %s', f.words, f.other_file)
		WHEN f.void THEN f.words || ' is void'
		WHEN (f.last).file_id IS NULL THEN 'replaces ' || f.words
		ELSE format('replaces record %s of file %s, which is %s', f.other_record, f.other_file,
			concat_ws(', ', f.outcome_name || coalesce(' for ' || (f.last).hold_reason, ''), 'redemption ' || (f.last).redemption_id,
				(f.last).points || ' points')) END,
		CASE WHEN f.repeated_file IS NULL THEN f.against END,
		CASE WHEN f.repeated_file IS NULL AND f.void AND f.other_file IS NOT NULL THEN (
			SELECT string_agg(format('%s %s of %s points', l.records, l.name, l.points), ', ' ORDER BY l.outcome)
			FROM (SELECT w.outcome, n.name, count(*) AS records, coalesce(sum(coalesce(d.points, w.points)), 0) AS points
				FROM (SELECT DISTINCT ON (o.record_no, o.redemption_id) o.outcome, o.redemption_id, o.points
					FROM handback.outcome o
					WHERE o.file_id = f.other_file AND o.record_no > 0
					ORDER BY o.record_no, o.redemption_id, o.revision DESC) w
				JOIN handback.outcome_name n ON n.outcome = w.outcome
				LEFT JOIN ledger.redemption d ON d.redemption_id = w.redemption_id
				GROUP BY w.outcome, n.name) l) END)
FROM fate f

-- name: corrections_met
-- Records that a correction named which came before them, or (of a file that is read again) that one replaces or may
-- replace: for people, both. $1 partner's number, $2 profile, $3 the file's number or NULL, $4 the file that is read again, or
-- NULL, $5 the first day of the file's period or NULL. Takes pg_temp.stage, gives pg_temp.correction.
WITH named AS MATERIALIZED (
	SELECT s.record_no, c.file_id, c.record_no AS other_record
	FROM pg_temp.stage s
	CROSS JOIN LATERAL (SELECT w.* FROM handback.correction w
		WHERE w.partner_id = $1::integer AND w.profile = $2::text AND w.named = s.record_id OFFSET 0) c
	WHERE s.record_id IS NOT NULL AND coalesce(c.named_record = s.record_no, true)
	UNION ALL
	SELECT s.record_no, c.file_id, c.record_no
	FROM handback.correction c
	JOIN pg_temp.stage s ON s.record_no = c.named_record
	WHERE c.partner_id = $1::integer AND c.profile = $2::text AND c.named_file = $3::bigint AND c.named IS NULL
), met AS (
	SELECT n.record_no, n.file_id AS other_file, n.other_record,
		CASE WHEN $4::bigint IS NULL THEN ', which came before this one, replaces it' ELSE ' may replace it' END AS how
	FROM named n
	CROSS JOIN LATERAL (SELECT c.named_file, c.period FROM handback.correction_waiting c
		WHERE c.file_id = n.file_id AND c.record_no = n.other_record OFFSET 0) w
	WHERE w.named_file IS NULL OR (w.named_file = $3::bigint AND w.period >= coalesce(
		(SELECT f.period FROM handback.file f WHERE f.file_id = $4::bigint), date '1970-01-01' + $5::integer, '-infinity'))
	UNION ALL
	SELECT x.corrected_record, x.file_id, x.record_no, ' replaces it' FROM handback.correction_of x
	WHERE x.corrected_file = $4::bigint AND x.corrected_record > 0
)
INSERT INTO pg_temp.correction (record_no, met, other_file, other_record, reason, repeats, told)
SELECT m.record_no, true, m.other_file, m.other_record, 'correction', false,
	format('record %s of file %s%s', m.other_record, m.other_file, m.how)
FROM met m

-- name: corrections_told
-- What decide.sql is to know of them. Takes pg_temp.correction, gives it in picked and stage.
WITH told AS MATERIALIZED (
	SELECT c.record_no, min(c.reason) AS reason, bool_and(c.repeats) AS repeats, bool_or(NOT c.met) AS corrects,
		string_agg(c.told, '; ' ORDER BY c.met, c.other_file, c.other_record) AS told
	FROM pg_temp.correction c
	GROUP BY c.record_no
), problem AS (
	UPDATE pg_temp.stage s SET problem = coalesce(t.reason, 'correction')
	FROM told t
	WHERE t.record_no = s.record_no AND (t.reason IS NOT NULL OR t.repeats) AND coalesce(s.problem NOT IN ('bad_value', 'whole_message'), true)
), there AS (
	UPDATE pg_temp.picked p SET correction = t.told, corrects = t.corrects, correction_repeats = t.repeats
	FROM told t
	WHERE t.record_no = p.record_no
	RETURNING p.record_no
)
INSERT INTO pg_temp.picked (record_no, candidates, correction, corrects, correction_repeats)
SELECT t.record_no, 0, t.told, t.corrects, t.repeats FROM told t WHERE t.record_no NOT IN (SELECT record_no FROM there)

-- name: void_before
-- A correction that came before this file and says that it is void. $1 partner's number, $2 profile, $3 the file's number,
-- $4 the first day of its period or NULL.
SELECT min(w.file_id) AS file_id, (array_agg(w.record_no ORDER BY w.file_id))[1] AS record_no
FROM handback.correction_waiting w
WHERE w.partner_id = $1::integer AND w.profile = $2::text AND w.named_file = $3::bigint AND w.named IS NULL AND w.named_record IS NULL
	AND w.period >= coalesce(date '1970-01-01' + $4::integer, '-infinity')
HAVING count(*) > 0

-- name: corrections_keep
-- Keeps what a posted file says of earlier records, and what earlier files said of its own: $1 file, $2 true where its
-- records have names by which later ones may replace them. Takes pg_temp.correction and stage.
WITH said AS (
	INSERT INTO handback.correction (file_id, record_no, partner_id, profile, named, named_file, named_record, stated)
	SELECT f.file_id, c.record_no, f.partner_id, f.profile, c.named, c.named_file, c.named_record, c.stated
	FROM pg_temp.correction c
	JOIN handback.file f ON f.file_id = $1::bigint
	WHERE NOT c.met
), named AS (
	INSERT INTO handback.record_id (file_id, record_no, partner_id, profile, record_id)
	SELECT f.file_id, s.record_no, f.partner_id, f.profile, s.record_id
	FROM pg_temp.stage s
	JOIN handback.file f ON f.file_id = $1::bigint
	WHERE $2::boolean AND s.record_id IS NOT NULL
), voided AS (
	-- of a file that was released though a correction says that it is void
	SELECT w.file_id, w.record_no
	FROM handback.file f
	CROSS JOIN LATERAL (SELECT c.file_id, c.record_no, c.period FROM handback.correction_waiting c
		WHERE c.partner_id = f.partner_id AND c.profile = f.profile AND c.named_file = f.sequence AND c.named IS NULL
			AND c.named_record IS NULL OFFSET 0) w
	WHERE f.file_id = $1::bigint AND w.period >= f.period
)
INSERT INTO handback.correction_of (file_id, record_no, corrected_file, corrected_record)
SELECT $1::bigint, c.record_no, c.other_file, c.other_record FROM pg_temp.correction c WHERE NOT c.met AND NOT c.repeats AND c.other_file IS NOT NULL
UNION ALL
SELECT c.other_file, c.other_record, $1::bigint, c.record_no FROM pg_temp.correction c WHERE c.met
UNION ALL
SELECT v.file_id, v.record_no, $1::bigint, 0 FROM voided v

-- name: corrections_end
-- Ends the holds of what this file's records replace. $1 file.
SELECT handback.overtake_by_corrections($1::bigint)
