-- Only for large files: what the planner guesses of an unknown temporary table is right for small ones.
ANALYZE pg_temp.stage (record_no, external_reference, again)
