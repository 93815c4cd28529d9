-- What was found missing in the last week, told of or not: kind, day, due, how many. $1 source.
SELECT i.kind, i.day::text, i.due_at::text, m.files
FROM handback.issue_missing m
JOIN handback.issue i USING (issue_id)
WHERE i.source = $1::text AND m.judged = 'missing' AND m.judged_at > transaction_timestamp() - interval '7 days'
ORDER BY i.due_at, i.kind
