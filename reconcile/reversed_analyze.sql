-- As stage_analyze.sql, before decided_cursor.sql.
ANALYZE pg_temp.reversed (redemption_id)
