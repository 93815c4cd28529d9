-- For large files: $1 off before decided_cursor.sql is opened, on afterwards. It follows decided_order.sql then, where the
-- planner would rather sort whole records.
SELECT set_config('enable_sort', $1::text, true)
