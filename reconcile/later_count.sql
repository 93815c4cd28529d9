-- How many records are left, and how many of them are to be reversed.
SELECT count(*), count(*) FILTER (WHERE outcome = 2) FROM pg_temp.decided
