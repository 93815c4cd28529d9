-- name: outcome_copy
-- Takes rows in binary: COPY inserts many at once, where INSERT ... SELECT goes one by one.
COPY handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id, reversal_id,
	points, hold_reason, reference, reasons, detail, decided_at, event_id, leaf_hash) FROM STDIN (FORMAT binary)

-- name: post_all
-- Before the postings of a file, which the ledger may refuse.
SAVEPOINT postings

-- name: post_none
ROLLBACK TO SAVEPOINT postings

-- name: group_savepoint
-- Before the postings of a file that has groups: all of them, or none.
SAVEPOINT groups

-- name: group_undo
ROLLBACK TO SAVEPOINT groups

-- name: group_post
-- Posts the reversals of all groups. Takes pg_temp.grouped. Gives how many.
SELECT count(*) FROM ledger.post_reversals(ARRAY(SELECT g.redemption_id FROM pg_temp.grouped g WHERE g.outcome = :OUTCOME_REVERSED))

-- name: group_write
-- Writes an outcome for each redemption of a group. $1 file. Takes pg_temp.grouped.
SELECT handback.answer_groups($1::bigint, array_agg(g.record_no ORDER BY g.record_no, g.redemption_id),
	array_agg(g.redemption_id ORDER BY g.record_no, g.redemption_id), array_agg(g.outcome ORDER BY g.record_no, g.redemption_id))
FROM pg_temp.grouped g

-- name: post_savepoint
-- Before a posting that the ledger may refuse: what stands behind it stays.
SAVEPOINT posting

-- name: post_taken
RELEASE SAVEPOINT posting

-- name: post_undo
ROLLBACK TO SAVEPOINT posting

-- name: post
-- Posts the reversal of each of these redemptions, all or none. $1 redemptions. Gives how many were posted.
SELECT count(*) FROM ledger.post_reversals($1::bigint[])

-- name: post_shown
-- What the ledger shows of these redemptions' reversals now: not what was asked of it. A statement of its own, to see what
-- post.sql wrote. $1 redemptions. Gives the columns of a leaf's reversal (lib/proof/leaf_row.h), in their order.
SELECT v.reversal_id::bigint, v.external_reference::uuid, v.programme_id::bigint, v.member_id::bigint, v.points::bigint,
	v.redemption_id::bigint, v.posted_at::timestamptz, v.posted_by::text
FROM unnest($1::bigint[]) WITH ORDINALITY AS p (redemption_id, n)
CROSS JOIN LATERAL (   -- each by itself: never all reversals that there ever were
	SELECT r.* FROM ledger.reversal r
	WHERE r.redemption_id = p.redemption_id
	OFFSET 0) v
ORDER BY p.n

-- name: hold_copy
-- Takes rows in binary: a hold for each record that waits for a person.
COPY handback.hold (file_id, record_no, reason, redemption_id, points) FROM STDIN (FORMAT binary)

-- name: hold_stated
-- Whose points of which programme the records on hold are about, as they say. $1 file, $2 the profile's programme or NULL.
-- Takes pg_temp.stage.
INSERT INTO handback.hold_stated (hold_id, member, programme)
SELECT h.hold_id, s.member, coalesce(s.programme, $2::text)
FROM handback.hold h
JOIN pg_temp.stage s ON s.record_no = h.record_no
WHERE h.file_id = $1::bigint AND (s.member IS NOT NULL OR coalesce(s.programme, $2::text) IS NOT NULL)

-- name: overtake
-- Ends the holds of earlier files that ask for what this one settled. $1 file, $2 the redemptions of its records, NULL: of
-- too many to name.
SELECT handback.overtake_by_file($1::bigint, $2::bigint[])

-- name: overtake_parts
-- Of a file that is older than another: it ends holds about what its parts made whole, and no others. $1 file.
SELECT handback.overtake_by_file($1::bigint, ARRAY(SELECT k.redemption_id FROM handback.answer_part k WHERE k.file_id = $1::bigint))

-- name: overtake_groups
-- As overtake, by what records of groups settled. $1 file. Takes pg_temp.grouped.
SELECT handback.overtake_by_file($1::bigint, ARRAY(SELECT g.redemption_id FROM pg_temp.grouped g))
