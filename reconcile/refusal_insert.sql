-- One reason why a file was refused.
INSERT INTO handback.refusal (file_id, n, rule, message, field, value_shown, record_no, byte_offset)
VALUES ($1::bigint, $2::integer, $3::text, $4::text, $5::text, $6::text, $7::bigint, $8::bigint)
