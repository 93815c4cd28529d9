-- $1 source, $2 kind, $3 zone, $4 minute of the day, $5 days of the week, $6 grace in minutes, $7 files, $8 pattern of
-- names or NULL, $9 whether empty ones come, $10 holidays.
SELECT handback.make_issues($1::text, $2::text, $3::text, $4::integer, $5::integer, $6::integer, $7::integer,
	transaction_timestamp(), $8::text, $9::boolean, $10::date[])
