-- Takes rows in binary, gives pg_temp.stage.
COPY pg_temp.stage (record_no, byte_offset, byte_length, verdict, judged, problem, external_reference, points, amount,
	transaction_type, date, outbound_line, outbound_reference, partner_reference, reference_shown, member, programme,
	merchant, currency, reasons, reason_text, change) FROM STDIN (FORMAT binary)
