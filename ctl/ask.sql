-- name: find_file
-- The files that a person may mean by $1: a number, the beginning of a hash, or a name. Newest first.
SELECT f.file_id AS file, f.name_shown AS name, f.state, f.decided_at AS decided
FROM handback.file f
WHERE CASE
	WHEN $1::text ~ '^[0-9]{1,18}$' AND EXISTS (SELECT FROM handback.file WHERE file_id = $1::bigint)
		THEN f.file_id = $1::bigint
	WHEN $1 ~ '^[0-9a-f]{8,64}$' THEN encode(f.sha256, 'hex') LIKE $1 || '%'
	ELSE f.name_shown = $1 END
ORDER BY f.file_id DESC
LIMIT 20

-- name: head
-- The last audit head: what to note down outside of this database.
SELECT head_no, made_at AS made, file_id AS file, tree_size, encode(root, 'hex') AS root,
	encode(head_hash, 'hex') AS head_hash, encode(previous, 'hex') AS previous
FROM audit.head
ORDER BY head_no DESC
LIMIT 1

-- name: try_hold
-- A file on hold, and which checks its release would waive. $1 hold.
SELECT encode(f.name, 'hex') AS name, f.name_shown, f.profile, f.archived_as, array_to_string(handback.waived_checks(f.file_id), ' ') AS waived,
	f.file_id
FROM handback.hold h
JOIN handback.file f USING (file_id)
WHERE h.hold_id = $1::bigint AND h.record_no IS NULL AND f.archived_as IS NOT NULL

-- name: known_names
-- Is $1 a partner whose files or redemptions there are, $2 a reason of holds, $3 a programme and $4 a member? Those that there are, for a
-- hint: of members those that begin alike.
SELECT EXISTS (SELECT FROM handback.partner WHERE code = $1) OR EXISTS (SELECT FROM ledger.redemption WHERE partner = $1) AS is_partner,
	EXISTS (SELECT FROM handback.hold_reason WHERE reason = $2) AS is_reason,
	EXISTS (SELECT FROM ledger.programme WHERE code = $3) AS is_programme,
	EXISTS (SELECT FROM ledger.member WHERE relation_reference = $4) AS is_member,
	array_to_string(ARRAY(SELECT code FROM ledger.programme ORDER BY code LIMIT 1000), E'\x1f') AS programmes,
	array_to_string(ARRAY(SELECT relation_reference FROM ledger.member
		WHERE relation_reference >= left($4, -2) AND relation_reference < left($4, -2) || U&'\FFFD' ORDER BY relation_reference LIMIT 1000), E'\x1f') AS members,
	array_to_string(ARRAY(SELECT code FROM handback.partner ORDER BY code LIMIT 1000), E'\x1f') AS partners,
	array_to_string(ARRAY(SELECT reason FROM handback.hold_reason ORDER BY reason), E'\x1f') AS reasons
