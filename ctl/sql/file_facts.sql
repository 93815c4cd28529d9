-- All that is known of one file.
SELECT
	f.file_id AS file,
	f.name_shown AS name,
	p.code AS partner,
	f.source,
	f.state,
	f.hold_reason AS reason,
	r.meaning,
	r.wants,
	f.duplicate_of,
	f.release_of,
	released.file_id AS released_as,
	f.records,
	f.bytes,
	encode(f.sha256, 'hex') AS sha256,
	f.profile,
	encode(f.profile_sha256, 'hex') AS profile_sha256,
	f.sequence,
	f.business_date,
	f.partner_file_id,
	f.original_message,
	f.seen_at AS seen,
	f.decided_at AS decided,
	f.archived_at AS archived,
	f.archived_as,
	handback.removed_at(f.file_id) AS removed,
	h.head_no,
	encode(h.root, 'hex') AS root,
	encode(h.head_hash, 'hex') AS head_hash
FROM handback.file f
JOIN handback.partner p USING (partner_id)
LEFT JOIN handback.hold_reason r ON r.reason = f.hold_reason
LEFT JOIN handback.file released ON released.release_of = f.file_id
LEFT JOIN audit.head h ON h.file_id = f.file_id
WHERE f.file_id = $1::bigint
