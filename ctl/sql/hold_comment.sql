SELECT handback.comment_hold($1::bigint, $2::text) AS act
