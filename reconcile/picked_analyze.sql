-- As stage_analyze.sql, where the profile has other match keys than our external_reference.
ANALYZE pg_temp.picked
