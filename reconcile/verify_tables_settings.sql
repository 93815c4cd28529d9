-- Before whole tables are compared with each other. Rows are met by hash or merge: a nested loop over a history that was
-- never analysed, taken for a few rows, takes hours. Each comparison is then linear, whatever the planner believes.
SELECT set_config('enable_nestloop', 'off', true)
