-- Gives copies up, by one act that names their files. $1 files, $2 why. verify_people.sql makes the same text of the
-- rows. What another run gave up meanwhile is not named again.
WITH wanted AS MATERIALIZED (
	SELECT w.file_id FROM unnest($1::bigint[]) w (file_id)
	WHERE NOT EXISTS (SELECT FROM handback.removal r WHERE r.file_id = w.file_id)
), act AS MATERIALIZED (
	SELECT audit.append_act('removed_by_retention', 'files', $2::text, string_agg(file_id::text, ' ' ORDER BY file_id)) AS act_id
	FROM wanted
	HAVING count(*) > 0
)
INSERT INTO handback.removal (file_id, act_id) SELECT file_id, act_id FROM wanted, act
