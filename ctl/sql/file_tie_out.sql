-- What became of the records of one file.
SELECT n.name AS outcome, t.records, t.points
FROM handback.tie_out t
JOIN handback.outcome_name n USING (outcome)
WHERE t.file_id = $1::bigint
ORDER BY t.outcome
