-- What the report was taken from: one snapshot, and how far the audit trail had come.
SELECT
	transaction_timestamp() AS as_of,
	current_database() AS database,
	pg_current_snapshot() AS snapshot,
	session_user AS taken_by,
	h.head_no,
	h.made_at AS head_made,
	encode(h.head_hash, 'hex') AS head_hash
FROM (SELECT) one
LEFT JOIN LATERAL (SELECT * FROM audit.head ORDER BY head_no DESC LIMIT 1) h ON true
