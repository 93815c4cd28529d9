-- What should be here and is not: source, kind, when it was due (seconds since 1970), the oldest of each.
SELECT e.source, e.kind, extract(epoch FROM min(e.due_at))::bigint
FROM handback.expected_files e
WHERE e.state IN ('overdue', 'missing', 'could_not_look')
GROUP BY e.source, e.kind
ORDER BY e.source, e.kind
