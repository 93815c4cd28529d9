-- Only for large files, before decided_cursor.sql: numbers are sorted faster than whole records. Gone with the transaction's
-- end, by decided_unorder.sql or ROLLBACK.
CREATE INDEX decided_order ON pg_temp.decided (record_no)
