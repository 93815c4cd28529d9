-- Takes rows in binary: a hold for each record that waits for a person.
COPY handback.hold (file_id, record_no, reason, redemption_id, points) FROM STDIN (FORMAT binary)
