-- name: acknowledged
-- The request files that a file acknowledges. $1 partner, $2 programme or NULL, $3 the redemptions that it names, or NULL, $4 the request
-- file's name or number.
SELECT batch, name, requests, points, named, named_points FROM points.acknowledged($1::text, $2::text, $3::bigint[], $4::text)

-- name: acknowledge
-- $1 file, $2 batch, $3 requests, $4 points, $5 within so many minutes.
SELECT points.acknowledge($1::bigint, $2::bigint, $3::bigint, $4::bigint, $5::integer)
