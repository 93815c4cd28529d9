-- A hold for each record that waits for a person. $1 file. Takes pg_temp.decided.
INSERT INTO handback.hold (file_id, record_no, reason, redemption_id, points)
SELECT $1::bigint, d.record_no, d.hold_reason, d.redemption_id, coalesce(d.redeemed_points, d.points)
FROM pg_temp.decided d
WHERE d.outcome = 6
ORDER BY d.record_no
