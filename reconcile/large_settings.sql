-- For the transaction of a large file: room for a hash of a million redemptions.
SELECT set_config('work_mem', '128MB', true), set_config('maintenance_work_mem', '128MB', true)
