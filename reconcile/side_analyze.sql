-- As stage_analyze.sql: that these are empty, or how large they are, decides how decide.sql is run.
ANALYZE pg_temp.picked, pg_temp.repeated, pg_temp.answered
