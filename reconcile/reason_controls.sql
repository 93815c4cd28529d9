-- The control totals that a .reason shows, those that differ first. $1 file.
SELECT name, place, stated, counted, agrees
FROM handback.control
WHERE file_id = $1::bigint
ORDER BY agrees, n
LIMIT 100
