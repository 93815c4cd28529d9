-- The one candidate of a record, or none where there are several: never a guess. Takes pg_temp.candidate.
INSERT INTO pg_temp.picked (record_no, external_reference, candidates, detail)
SELECT record_no, CASE WHEN count(*) = 1 THEN (array_agg(external_reference))[1] END, count(*),
	CASE WHEN count(*) > 1 THEN 'candidates: '
		|| array_to_string((array_agg(external_reference::text ORDER BY external_reference))[1:5], ', ')
		|| CASE WHEN count(*) > 5 THEN ' and ' || count(*) - 5 || ' more' ELSE '' END END
FROM pg_temp.candidate
GROUP BY record_no
