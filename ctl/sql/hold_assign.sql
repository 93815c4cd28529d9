SELECT handback.assign_hold($1::bigint, $2::text, $3::text) AS act
