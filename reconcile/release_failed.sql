-- Why a file that may go could not be handled, where that is another reason than the last. $1 file, $2 why.
INSERT INTO handback.release_failure (file_id, why)
SELECT $1::bigint, $2::text
WHERE $2 IS DISTINCT FROM (
	SELECT k.why FROM handback.release_failure k WHERE k.file_id = $1 ORDER BY k.failure_id DESC LIMIT 1)
