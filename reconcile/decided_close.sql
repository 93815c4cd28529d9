-- After the last decided_fetch.sql.
CLOSE decided
