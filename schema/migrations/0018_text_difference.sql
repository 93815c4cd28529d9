-- What two texts differ in that look alike.

SET LOCAL ROLE handback_owner;

-- Both values of a text that does not agree; and, where it cannot be seen, what they differ in: a blank of another kind, a
-- letter with its accent as two characters, another script's letter.
CREATE FUNCTION handback.unlike(what text, stated text, redeemed text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH place AS (
		SELECT min(n) AS n FROM generate_series(1, greatest(length(stated), length(redeemed))) n
		WHERE substr(stated, n, 1) <> substr(redeemed, n, 1)
	), side AS (
		-- the character there, and accents that follow it
		SELECT t.value IS NOT DISTINCT FROM stated AS mine, substr(t.value, p.n, 1) AS one,
			coalesce((SELECT string_agg('U+' || lpad(upper(to_hex(ascii(substr(t.value, m, 1)))), 4, '0'), ' ' ORDER BY m)
				FROM generate_series(p.n, least(p.n + 3, length(t.value))) m
				WHERE NOT EXISTS (SELECT FROM generate_series(p.n + 1, m) k
					WHERE ascii(substr(t.value, k, 1)) NOT BETWEEN 768 AND 879)), 'its end') AS points
		FROM place p, (VALUES (stated), (redeemed)) t (value)
	)
	SELECT format('%s: stated %s, redeemed %s', what, stated, redeemed)
		|| CASE WHEN bool_or(s.one <> '' AND ascii(s.one) NOT BETWEEN 33 AND 126) THEN
			format(' (at character %s: stated %s, redeemed %s)', (SELECT n FROM place), max(s.points) FILTER (WHERE s.mine),
				max(s.points) FILTER (WHERE NOT s.mine)) ELSE '' END
	FROM side s
$$;
COMMENT ON FUNCTION handback.unlike(text, text, text) IS 'Both values of a text that does not agree, and what cannot be seen of their difference';
REVOKE ALL ON FUNCTION handback.unlike(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.unlike(text, text, text) TO handback_daemon, handback_nightly, handback_operator, handback_finance;
