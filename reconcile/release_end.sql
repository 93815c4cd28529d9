-- A hold that ends by itself: what its file waited for is there. $1 hold.
INSERT INTO handback.hold_end (hold_id, how) VALUES ($1::bigint, 'released')
