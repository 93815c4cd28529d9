-- Files with records whose reference was unknown and that are tried again. $1 source,
-- $2 true where the profile matches by more than references: then nothing can be told before the file is read again.
-- Gives: file, its profile, where it is kept, its name (hex), records to try. A record of a file that a person is about
-- to decide stays open to both: who ends the hold first, decides. However old: what has expired since the last run
-- is tried once more before it is closed.
SELECT f.file_id, f.profile, f.archived_as, encode(f.name, 'hex') AS name, count(*) AS records
FROM handback.hold_now h
JOIN handback.file f ON f.file_id = h.file_id
JOIN handback.partner p ON p.partner_id = f.partner_id
JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
WHERE h.reason = 'unknown_reference' AND f.source = $1::text AND f.archived_as LIKE 'archive/%'
	AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
	AND ($2::boolean OR EXISTS (
		SELECT FROM ledger.redemption r WHERE r.partner = p.code AND r.external_reference =
			CASE WHEN o.reference ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN o.reference::uuid END)
		OR EXISTS (SELECT FROM ledger.redemption r WHERE r.partner = p.code AND r.outbound_reference = o.reference)
		OR EXISTS (SELECT FROM ledger.redemption r WHERE r.partner = p.code AND r.partner_reference = o.reference))
GROUP BY f.file_id, f.profile, f.archived_as, f.name
ORDER BY f.file_id
