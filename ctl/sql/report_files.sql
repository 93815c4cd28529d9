-- One row for each file of the report's scope ($1 partner, $2 file, $3 from, $4 to): what came in and
-- what became of it, in records. A file that was not judged, held or a duplicate, has its records in
-- unjudged. One that was released in the same scope is counted in its release, and has no records here. The last row,
-- without a number, is the sum.
WITH file_row AS (
	SELECT
		f.file_id AS file,
		f.decided_at AS decided,
		p.code AS partner,
		f.name_shown AS name,
		f.state::text,
		nullif(concat_ws(', ', 'of file ' || f.release_of, 'as file ' || r.file_id), '') AS release,
		CASE WHEN NOT g.gone THEN f.records END AS records,
		t.confirmed,
		t.reversed,
		t.already_done,
		t.duplicate_record,
		t.noted,
		t.held,
		CASE WHEN g.gone THEN NULL WHEN f.state <> 'posted' AND t.judged = 0 THEN f.records ELSE 0 END AS unjudged,
		t.already_done + t.duplicate_record + t.noted
			+ CASE WHEN NOT g.gone AND f.state <> 'posted' AND t.judged = 0 THEN f.records ELSE 0 END AS other,
		CASE WHEN f.state <> 'posted' AND t.judged = 0 THEN 0 ELSE f.records - t.judged END AS difference,
		encode(f.sha256, 'hex') AS sha256,
		f.archived_as,
		f.release_of,
		r.file_id AS released_as
	FROM handback.file f
	JOIN handback.partner p USING (partner_id)
	LEFT JOIN handback.file r ON r.release_of = f.file_id
	CROSS JOIN LATERAL (SELECT r.file_id IS NOT NULL AND $2::bigint IS NULL AND ($4::timestamptz IS NULL OR r.decided_at < $4) AS gone) g
	CROSS JOIN LATERAL (
		SELECT
			coalesce(sum(records), 0) AS judged,
			coalesce(sum(records) FILTER (WHERE outcome = 1), 0) AS confirmed,
			coalesce(sum(records) FILTER (WHERE outcome = 2), 0) AS reversed,
			coalesce(sum(records) FILTER (WHERE outcome = 3), 0) AS already_done,
			coalesce(sum(records) FILTER (WHERE outcome = 4), 0) AS duplicate_record,
			coalesce(sum(records) FILTER (WHERE outcome = 5), 0) AS noted,
			coalesce(sum(records) FILTER (WHERE outcome = 6), 0) AS held
		FROM handback.tie_out
		WHERE file_id = f.file_id
	) t
	WHERE ($1::text IS NULL OR p.code = $1)
		AND ($2::bigint IS NULL OR f.file_id = $2)
		AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
		AND ($4::timestamptz IS NULL OR f.decided_at < $4)
)
SELECT * FROM file_row
UNION ALL
SELECT NULL, NULL, NULL, 'All files', NULL, NULL, sum(records), sum(confirmed), sum(reversed), sum(already_done),
	sum(duplicate_record), sum(noted), sum(held), sum(unjudged), sum(other), sum(difference), NULL, NULL, NULL, NULL
FROM file_row
ORDER BY file
