-- The whole file waits for a person. $1 file, $2 reason.
INSERT INTO handback.hold (file_id, reason) VALUES ($1::bigint, $2::text)
