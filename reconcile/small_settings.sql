-- For the transaction of a small file, from decide.sql on: only nested loops over indexes. Plans are made once, at the
-- first file (and not anew for each of the first five), when the history is short, and kept while that grows: they must look
-- up the file's few records, and never walk through (or keep at hand) all that there ever was. The work tables have the
-- indexes that this needs.
SELECT set_config('plan_cache_mode', 'force_generic_plan', true),
	set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
	set_config('enable_seqscan', 'off', true), set_config('enable_material', 'off', true)
