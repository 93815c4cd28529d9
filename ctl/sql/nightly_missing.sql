-- Says of what is overdue that it is missing. $1 source. Gives what is new: kind, day, due, how many.
WITH missing AS (
	INSERT INTO handback.issue_missing (issue_id, files)
	SELECT e.issue_id, e.files - e.came FROM handback.expected_files e
	WHERE e.source = $1::text AND e.state = 'overdue'
	ON CONFLICT DO NOTHING
	RETURNING issue_id, files)
SELECT i.kind, i.day::text, i.due_at::text, m.files
FROM missing m JOIN handback.issue i USING (issue_id)
ORDER BY i.due_at
