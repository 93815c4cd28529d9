SELECT handback.reject($1::bigint, $2::text) AS act
