-- For the transaction that verifies: cursors are read to their end, a look at a long history takes its time,
-- and while kept files are hashed no statement runs.
SELECT set_config('cursor_tuple_fraction', '1', true), set_config('statement_timeout', '0', true),
	set_config('idle_in_transaction_session_timeout', '0', true)
