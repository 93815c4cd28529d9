-- Takes rows in binary, gives pg_temp.stage: what most records have, and nothing else.
COPY pg_temp.stage (record_no, byte_offset, byte_length, verdict, judged, again, external_reference, points, member, reasons)
	FROM STDIN (FORMAT binary)
