-- The next of decided_cursor.sql, as many as make good use of a round trip and little of memory.
FETCH FORWARD 10000 FROM decided
