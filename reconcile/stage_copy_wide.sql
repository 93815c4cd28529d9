-- As stage_copy.sql, from the first record on that has more.
COPY pg_temp.stage (record_no, byte_offset, byte_length, verdict, judged, again, external_reference, points, member, reasons,
	problem, amount, transaction_type, date, outbound_line, outbound_reference, partner_reference, reference_shown,
	programme, merchant, currency, reason_text, change) FROM STDIN (FORMAT binary)
