-- How much there is to verify.
SELECT
	(SELECT count(*) FROM audit.head) AS heads,
	(SELECT coalesce(sum(tree_size), 0) FROM audit.head)::bigint AS records,
	(SELECT count(*) FROM handback.file) AS files,
	(SELECT coalesce(sum(bytes), 0) FROM handback.file)::bigint AS bytes
