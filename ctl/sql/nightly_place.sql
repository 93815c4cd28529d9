-- $1 source.
SELECT handback.place_files($1::text)
