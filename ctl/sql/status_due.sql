-- Files that should be here, and those that should come next.
SELECT e.source, e.kind, e.due_at AS due, e.state, e.came, e.files
FROM handback.expected_files e
WHERE e.state IN ('due', 'overdue', 'missing', 'could_not_look') AND e.due_at > transaction_timestamp() - interval '7 days'
ORDER BY e.due_at, e.source, e.kind
LIMIT 12
