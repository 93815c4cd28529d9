-- The decided records in the file's order, piece by piece.
DECLARE decided NO SCROLL CURSOR FOR
SELECT * FROM pg_temp.decided_rows ORDER BY record_no
