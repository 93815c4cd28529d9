-- Before a file's records are staged: what the file before left. One round trip.
WITH stage AS (DELETE FROM pg_temp.stage),
	candidate AS (DELETE FROM pg_temp.candidate),
	picked AS (DELETE FROM pg_temp.picked),
	repeated AS (DELETE FROM pg_temp.repeated),
	answered AS (DELETE FROM pg_temp.answered),
	decided AS (DELETE FROM pg_temp.decided)
SELECT
