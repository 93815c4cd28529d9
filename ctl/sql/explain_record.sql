-- The redemption that a record is about: $1 file, $2 record. No row: there is no such record.
SELECT redemption_id
FROM handback.outcome
WHERE file_id = $1::bigint AND record_no = $2::bigint
ORDER BY revision DESC
LIMIT 1
