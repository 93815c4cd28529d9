-- The file's row. Takes what is known of it, gives its number.
INSERT INTO handback.file (partner_id, source, name, name_shown, sha256, bytes, state, hold_reason, duplicate_of, release_of, profile,
	profile_sha256, sequence, business_date, partner_file_id, original_message, records, seen_at, part, parts, part_set)
VALUES ($1::integer, $2::text, decode($3::text, 'hex'), $4::text, decode($5::text, 'hex'), $6::bigint,
	$7::text::handback.file_state, $8::text, $9::bigint, $18::bigint, $10::text, decode($11::text, 'hex'), $12::bigint,
	date '1970-01-01' + $13::integer, $14::text, $15::text, $16::integer,
	timestamptz 'epoch' + $17::bigint * interval '1 microsecond', $19::bigint, $20::bigint, $21::text)
RETURNING file_id, (extract(epoch FROM decided_at) * 1000000)::bigint AS decided_at
