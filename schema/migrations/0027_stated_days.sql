-- A file that states a day counts for an expected delivery by that day, not by its arrival alone.

SET LOCAL ROLE handback_owner;

ALTER TABLE handback.expected_delivery ADD COLUMN dated_from date;
COMMENT ON COLUMN handback.expected_delivery.dated_from IS 'A file that states an earlier day is none of it; NULL: not looked at';

DROP FUNCTION handback.make_expected_deliveries(text, text, text, integer, integer, integer, integer, timestamptz, text, boolean, date[]);
DROP FUNCTION handback.expected_delivery_of(text, timestamptz, text);

-- So many expected days before a day; where there are not as many within a year of it, a year before it.
CREATE FUNCTION handback.expected_days_before(day date, days integer, week_days integer, holidays date[]) RETURNS date
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN days = 0 THEN day ELSE coalesce((SELECT d.day FROM (SELECT day - back AS day FROM generate_series(1, 366) back) d
		WHERE week_days & (1 << (extract(isodow FROM d.day)::integer - 1)) <> 0 AND d.day <> ALL (holidays)
		ORDER BY d.day DESC OFFSET days - 1 LIMIT 1), day - 366) END
$$;
COMMENT ON FUNCTION handback.expected_days_before(date, integer, integer, date[]) IS
	'The so-manieth expected day before a day; week_days: bit 0 Monday to bit 6 Sunday; none on holidays';

-- Expected deliveries of one kind up to tomorrow. The first that is ever made is today's: nobody is blamed for the time before.
CREATE FUNCTION handback.make_expected_deliveries(wanted_source text, wanted_kind text, wanted_zone text, due_minute integer, week_days integer,
		grace_minutes integer, wanted_files integer, now timestamptz DEFAULT transaction_timestamp(),
		wanted_pattern text DEFAULT NULL, wanted_empty boolean DEFAULT false, holidays date[] DEFAULT '{}',
		days_back integer DEFAULT 1) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	today date := (now AT TIME ZONE wanted_zone)::date;
	one date;
	before timestamptz;
	due timestamptz;
	late timestamptz;
	made bigint := 0;
BEGIN
	SELECT max(i.day) + 1, max(i.late_at) INTO one, before
	FROM handback.expected_delivery i WHERE i.source = wanted_source AND i.kind = wanted_kind;
	one := coalesce(one, today);
	WHILE one <= today + 1 LOOP
		IF week_days & (1 << (extract(isodow FROM one)::integer - 1)) <> 0 AND one <> ALL (holidays) THEN
			due := handback.due_at(one, due_minute, wanted_zone);
			late := due + make_interval(mins => grace_minutes);
			-- the one before, made when the profile said another time, may be late only after this one
			IF before IS NULL OR before >= late THEN
				before := handback.due_at(one, 0, wanted_zone) - interval '1 day';
			END IF;
			INSERT INTO handback.expected_delivery (source, kind, day, zone, opens_at, due_at, late_at, files, pattern, empty,
				dated_from)
			VALUES (wanted_source, wanted_kind, one, wanted_zone, before, due, late, wanted_files, wanted_pattern, wanted_empty,
				handback.expected_days_before(one, days_back, week_days, holidays))
			ON CONFLICT DO NOTHING;
			before := late;
			made := made + 1;
		END IF;
		one := one + 1;
	END LOOP;
	RETURN made;
END
$$;
COMMENT ON FUNCTION handback.make_expected_deliveries(text, text, text, integer, integer, integer, integer, timestamptz, text, boolean, date[], integer) IS
	'Writes down which files a source expects up to tomorrow; week_days: bit 0 Monday to bit 6 Sunday; none on holidays';

-- An expected delivery with room for one more file of this name that came at this moment: its own time first, then the newest that
-- is missing. What comes before the day of the next one, while the one before is missing, is that one. A name that
-- fits the pattern of some kind is of those kinds alone, and one that states a day is of no delivery that is later than its days.
CREATE FUNCTION handback.expected_delivery_of(wanted_source text, at timestamptz, name text, stated date,
		OUT expected_delivery_id bigint, OUT how text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT i.expected_delivery_id,
		CASE WHEN at > i.late_at THEN 'late' WHEN (at AT TIME ZONE i.zone)::date < i.day THEN 'early' ELSE 'on_time' END
	FROM handback.expected_delivery i
	WHERE i.source = wanted_source AND i.opens_at < at AND at - i.late_at < interval '7 days'
		AND coalesce(stated >= i.dated_from, true)
		AND CASE WHEN EXISTS (SELECT FROM handback.expected_delivery k WHERE k.source = wanted_source AND handback.matches(name, k.pattern))
			THEN handback.matches(name, i.pattern) ELSE i.pattern IS NULL END
		AND (SELECT count(*) FROM handback.expected_delivery_file f WHERE f.expected_delivery_id = i.expected_delivery_id) < i.files
	ORDER BY CASE WHEN at > i.late_at THEN 2 WHEN (at AT TIME ZONE i.zone)::date < i.day THEN 3 ELSE 1 END,
		CASE WHEN at <= i.late_at THEN i.due_at END, i.due_at DESC, i.expected_delivery_id
	LIMIT 1
$$;

-- Gives every file that came since the source has expected deliveries its place. Duplicates and releases are none: their bytes were there before.
CREATE OR REPLACE FUNCTION handback.assign_deliveries(wanted_source text) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	came record;
	placed bigint := 0;
BEGIN
	FOR came IN
		SELECT f.file_id, f.seen_at, f.name_shown, f.business_date FROM handback.file f
		WHERE f.source = wanted_source AND f.state <> 'duplicate' AND f.release_of IS NULL
			AND f.seen_at > (SELECT min(i.opens_at) FROM handback.expected_delivery i WHERE i.source = wanted_source)
			AND NOT EXISTS (SELECT FROM handback.expected_delivery_file p WHERE p.file_id = f.file_id)
		ORDER BY f.seen_at, f.file_id
	LOOP
		INSERT INTO handback.expected_delivery_file (file_id, expected_delivery_id, how)
		SELECT came.file_id, o.expected_delivery_id, coalesce(o.how, 'unexpected')
		FROM (SELECT) one LEFT JOIN handback.expected_delivery_of(wanted_source, came.seen_at, came.name_shown, came.business_date) o
			ON true
		ON CONFLICT DO NOTHING; -- the night and a worker may both be at it
		placed := placed + 1;
	END LOOP;
	RETURN placed;
END
$$;
COMMENT ON FUNCTION handback.assign_deliveries(text) IS 'Finds for each file of a source which expected one it is';

REVOKE ALL ON FUNCTION handback.expected_days_before(date, integer, integer, date[]), handback.make_expected_deliveries(text, text,
	text, integer, integer, integer, integer, timestamptz, text, boolean, date[], integer), handback.expected_delivery_of(text,
	timestamptz, text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.expected_delivery_of(text, timestamptz, text, date) TO handback_daemon, handback_nightly;
GRANT EXECUTE ON FUNCTION handback.make_expected_deliveries(text, text, text, integer, integer, integer, integer, timestamptz, text,
	boolean, date[], integer), handback.expected_days_before(date, integer, integer, date[]) TO handback_nightly;
