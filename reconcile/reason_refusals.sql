-- The refusals that a .reason shows. $1 file.
SELECT record_no, byte_offset, field, value_shown, rule, message
FROM handback.refusal
WHERE file_id = $1::bigint
ORDER BY n
