-- name: partner_id
-- $1 partner's code. Its number; made at its first file.
WITH made AS (
	INSERT INTO handback.partner (code)
	SELECT $1::text WHERE NOT EXISTS (SELECT FROM handback.partner WHERE code = $1::text)
	RETURNING partner_id)
SELECT partner_id FROM made UNION ALL SELECT partner_id FROM handback.partner WHERE code = $1::text

-- name: partner_known
-- $1 partner's code. Its number, 0 before its first file.
SELECT coalesce((SELECT partner_id FROM handback.partner WHERE code = $1::text), 0) AS partner_id

-- name: file_insert
-- The file's row. Takes what is known of it, gives its number.
INSERT INTO handback.file (partner_id, source, name, name_shown, sha256, bytes, state, hold_reason, duplicate_of, release_of, profile,
	profile_sha256, sequence, business_date, partner_file_id, original_message, records, seen_at, part, parts, part_set, statement,
	again_of, period, place)
VALUES ($1::integer, $2::text, decode($3::text, 'hex'), $4::text, decode($5::text, 'hex'), $6::bigint,
	$7::text::handback.file_state, $8::text, $9::bigint, $18::bigint, $10::text, decode($11::text, 'hex'), $12::bigint,
	date '1970-01-01' + $13::integer, $14::text, $15::text, $16::integer,
	timestamptz 'epoch' + $17::bigint * interval '1 microsecond', $19::bigint, $20::bigint, $21::text,
	$22::text, $23::bigint, coalesce(date '1970-01-01' + $24::integer, '-infinity'), $25::bigint)
RETURNING file_id, (extract(epoch FROM decided_at) * 1000000)::bigint AS decided_at

-- name: control_insert
-- One control total of a file: what the partner states beside what was counted.
INSERT INTO handback.control (file_id, n, name, place, stated, counted, agrees)
VALUES ($1::bigint, $2::integer, $3::text, $4::text, $5::numeric, $6::numeric, $7::boolean)

-- name: refusal_insert
-- One reason why a file was refused.
INSERT INTO handback.refusal (file_id, n, rule, message, field, value_shown, record_no, byte_offset)
VALUES ($1::bigint, $2::integer, $3::text, $4::text, $5::text, $6::text, $7::bigint, $8::bigint)

-- name: hold_file
-- The whole file waits for a person. $1 file, $2 reason.
INSERT INTO handback.hold (file_id, reason) VALUES ($1::bigint, $2::text)

-- name: tie_out
-- Records and points by outcome: $1 file, $2 outcomes, $3 their records, $4 their points. Gives the records that were written.
WITH written AS (
	INSERT INTO handback.tie_out (file_id, outcome, records, points)
	SELECT $1::bigint, t.outcome, t.records, t.points
	FROM unnest($2::smallint[], $3::bigint[], $4::numeric[]) AS t (outcome, records, points)
	RETURNING records
)
SELECT coalesce(sum(records), 0) AS records FROM written

-- name: place_file
-- Which of the files that its source expects this one is: what came is late no longer. $1 source.
SELECT handback.assign_deliveries($1::text) WHERE EXISTS (SELECT FROM handback.expected_delivery WHERE source = $1)
