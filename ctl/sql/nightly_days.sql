-- The days of the last week whose report is to be there: those with files, and yesterday in any case.
SELECT d.day::date::text
FROM generate_series((transaction_timestamp() AT TIME ZONE 'UTC')::date - 7,
	(transaction_timestamp() AT TIME ZONE 'UTC')::date - 1, interval '1 day') d (day)
WHERE d.day::date = (transaction_timestamp() AT TIME ZONE 'UTC')::date - 1 OR EXISTS (
	SELECT FROM handback.file f WHERE f.decided_at >= d.day::timestamp AT TIME ZONE 'UTC'
		AND f.decided_at < (d.day + interval '1 day')::timestamp AT TIME ZONE 'UTC')
ORDER BY d.day
