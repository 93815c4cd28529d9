-- Takes rows in binary: COPY inserts many at once, where INSERT ... SELECT goes one by one.
COPY handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id, reversal_id,
	points, hold_reason, reference, reasons, detail, decided_at, act_id, leaf_hash) FROM STDIN (FORMAT binary)
