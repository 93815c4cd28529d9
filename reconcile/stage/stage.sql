-- name: stage_copy
-- Takes rows in binary, gives pg_temp.stage: what most records have, and nothing else.
COPY pg_temp.stage (record_no, byte_offset, byte_length, verdict, effective_verdict, maybe_duplicate,
	external_reference, points, member, reasons)
	FROM STDIN (FORMAT binary)

-- name: stage_copy_wide
-- As stage_copy.sql, from the first record on that has more.
COPY pg_temp.stage (record_no, byte_offset, byte_length, verdict, effective_verdict, maybe_duplicate,
	external_reference, points, member, reasons,
	problem, amount, transaction_type, date, outbound_line, outbound_reference, partner_reference, reference_shown,
	programme, merchant, currency, reason_text, change, record_id, replaces, replaces_file, replaces_record)
	FROM STDIN (FORMAT binary)
