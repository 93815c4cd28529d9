-- For the transaction of a large file: room for a hash of a million redemptions; statistics of a sample that is read at once.
-- Pages out of order cost what they do on a disk without arms, unless the site has said what its own do: a daily file on
-- years of redemptions looks its own ones up, and does not read all. And nothing is gone through again and again because it
-- was empty when it was last analysed.
SELECT set_config('work_mem', '128MB', true), set_config('maintenance_work_mem', '128MB', true),
	set_config('default_statistics_target', '10', true), set_config('enable_material', 'off', true),
	CASE WHEN current_setting('random_page_cost') = '4' THEN set_config('random_page_cost', '1.1', true) END
