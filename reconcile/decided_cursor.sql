-- What decide.sql gives, piece by piece (decided_fetch.sql): of a large file. $1 to $7 as there.
DECLARE decided NO SCROLL CURSOR FOR
\ir decide.sql
