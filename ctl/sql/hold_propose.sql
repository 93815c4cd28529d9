SELECT handback.propose($1::bigint[], $2::text, $3::text, $4::uuid) AS proposal
