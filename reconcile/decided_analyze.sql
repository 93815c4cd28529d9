-- As stage_analyze.sql, before reversals are posted and holds opened.
ANALYZE pg_temp.decided (record_no, outcome, redemption_id)
