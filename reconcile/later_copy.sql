-- Takes rows in binary, gives pg_temp.decided.
COPY pg_temp.decided (record_no, verdict, outcome, byte_length, byte_offset, redemption_id, redeemed_points, points, reference,
	reasons, detail) FROM STDIN (FORMAT binary)
