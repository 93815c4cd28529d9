-- Says of what is overdue that it is missing. $1 source.
INSERT INTO handback.issue_missing (issue_id, files)
SELECT e.issue_id, e.files - e.came FROM handback.expected_files e
WHERE e.source = $1::text AND e.state = 'overdue'
ON CONFLICT DO NOTHING
