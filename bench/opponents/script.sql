-- (b) psql's \copy of the delimited file and a plain script.   psql -v file=FILE
\set ON_ERROR_STOP on
CREATE TABLE bench.raw (line bigserial PRIMARY KEY, type text, reference text, booking text, member text,
                        points text, status text, reason text, date text);
\set copy '\\copy bench.raw (type, reference, booking, member, points, status, reason, date) FROM ' :file ' (FORMAT csv, HEADER)'
:copy
\i decide_plain.sql
