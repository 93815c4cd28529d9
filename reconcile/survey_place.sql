-- Finds for each file of a source which expected one it is, as the night does. $1 source.
SELECT handback.place_files($1::text)
