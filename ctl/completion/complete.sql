-- name: complete_partners
SELECT code AS word, NULL::text AS note FROM handback.partner ORDER BY code LIMIT 500

-- name: complete_reasons
SELECT reason AS word, NULL::text AS note FROM handback.hold_reason ORDER BY reason

-- name: complete_holds
-- The newest that are open.
SELECT h.hold_id AS word, concat_ws(' ', h.reason, f.name_shown) AS note
FROM handback.hold_open h
JOIN handback.file f USING (file_id)
ORDER BY h.hold_id DESC
LIMIT 100

-- name: complete_files
-- The newest, by number and by name.
(SELECT f.file_id::text AS word, concat_ws(' ', f.state, f.name_shown) AS note FROM handback.file f ORDER BY f.file_id DESC LIMIT 100)
UNION ALL
(SELECT f.name_shown, concat_ws(' ', f.state, 'file', f.file_id) FROM handback.file f ORDER BY f.file_id DESC LIMIT 100)
