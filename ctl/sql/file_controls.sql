-- What the partner stated of one file, beside what was counted.
SELECT c.name, c.place, c.stated, c.counted, c.agrees, c.counted - c.stated AS difference
FROM handback.control c
WHERE c.file_id = $1::bigint
ORDER BY c.n
