-- Why one file was refused.
SELECT r.rule, r.record_no AS record, r.byte_offset, r.field, r.value_shown AS value, r.message
FROM handback.refusal r
WHERE r.file_id = $1::bigint
ORDER BY r.n
