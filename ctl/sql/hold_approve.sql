SELECT handback.approve($1::bigint, $2::text) AS act
