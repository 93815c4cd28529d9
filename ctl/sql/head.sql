-- The last audit head: what to note down outside of this database.
SELECT head_no, made_at AS made, file_id AS file, tree_size, encode(root, 'hex') AS root,
	encode(head_hash, 'hex') AS head_hash, encode(previous, 'hex') AS previous
FROM audit.head
ORDER BY head_no DESC
LIMIT 1
