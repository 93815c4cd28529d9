-- One control total of a file: what the partner states beside what was counted.
INSERT INTO handback.control (file_id, n, name, place, stated, counted, agrees)
VALUES ($1::bigint, $2::integer, $3::text, $4::text, $5::numeric, $6::numeric, $7::boolean)
