-- One link of the chain. Its number and its predecessor are unique: two of them cannot follow the same head.
INSERT INTO audit.head (head_no, file_id, tree_size, root, head_text, head_hash, previous, made_at)
VALUES ($1::bigint, $2::bigint, $3::bigint, decode($4::text, 'hex'), $5::text, decode($6::text, 'hex'),
	decode($7::text, 'hex'), timestamptz 'epoch' + $8::bigint * interval '1 microsecond')
