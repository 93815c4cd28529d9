-- Expected files that are not done with, and those of the last week. $1 source or NULL.
SELECT e.source, e.kind, e.day::text AS day, e.due_at AS due, e.state, e.came, e.files
FROM handback.expected_files e
WHERE ($1::text IS NULL OR e.source = $1) AND e.day > current_date - 7
ORDER BY e.due_at, e.source, e.kind
