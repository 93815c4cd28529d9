-- As stage_analyze.sql, before the reversals are read back.
ANALYZE pg_temp.posted
