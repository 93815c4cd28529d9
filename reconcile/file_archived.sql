-- The bytes are where they stay. $1 file, $2 path below the spool. Once.
UPDATE handback.file SET archived_at = clock_timestamp(), archived_as = $2::text
WHERE file_id = $1::bigint AND archived_at IS NULL
