-- name: small_settings
-- For the transaction of a small file, from decide.sql on: only nested loops over indexes. Plans are made once, at the
-- first file (and not again for each of the first five), when the history is short, and kept while that grows: they must look
-- up the file's few records, and never walk through (or keep at hand) all that there ever was. The work tables have the
-- indexes that this needs.
SELECT set_config('plan_cache_mode', 'force_generic_plan', true),
	set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
	set_config('enable_seqscan', 'off', true), set_config('enable_material', 'off', true)

-- name: large_settings
-- For the transaction of a large file: room for a hash of a million redemptions; statistics of a sample that is read at once.
-- Pages out of order cost what they do on a disk without arms, unless the site has said what its own do: a daily file on
-- years of redemptions looks its own ones up, and does not read all. And nothing is gone through again and again because it
-- was empty when it was last analysed.
SELECT set_config('work_mem', '128MB', true), set_config('maintenance_work_mem', '128MB', true),
	set_config('default_statistics_target', '10', true), set_config('enable_material', 'off', true),
	CASE WHEN current_setting('random_page_cost') = '4' THEN set_config('random_page_cost', '1.1', true) END

-- name: stage_analyze
-- Only for large files: what the planner guesses of an unknown temporary table is right for small ones.
ANALYZE pg_temp.stage (record_no, external_reference, maybe_duplicate)

-- name: side_analyze
-- As stage_analyze.sql: that these are empty, or how large they are, decides how decide.sql is run.
ANALYZE pg_temp.picked, pg_temp.duplicates, pg_temp.answered

-- name: work_clear
-- Before a file's records are staged: what the file before left. One round trip.
WITH stage AS (DELETE FROM pg_temp.stage),
	candidate AS (DELETE FROM pg_temp.candidate),
	picked AS (DELETE FROM pg_temp.picked),
	duplicates AS (DELETE FROM pg_temp.duplicates),
	answer_part AS (DELETE FROM pg_temp.answer_part),
	grouped AS (DELETE FROM pg_temp.grouped),
	correction AS (DELETE FROM pg_temp.correction),
	answered AS (DELETE FROM pg_temp.answered),
	decided AS (DELETE FROM pg_temp.decided)
SELECT
