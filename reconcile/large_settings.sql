-- For the transaction of a large file: room for a hash of a million redemptions; statistics of a sample that is read at once.
SELECT set_config('work_mem', '128MB', true), set_config('maintenance_work_mem', '128MB', true),
	set_config('default_statistics_target', '10', true)
