-- The decided records in the file's order, of a small file: all at once, by a plan that is kept.
SELECT * FROM pg_temp.decided_rows ORDER BY record_no
