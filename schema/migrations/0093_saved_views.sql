-- Filters of the holds' list that a person keeps under a name, on the pages.

SET LOCAL ROLE handback_owner;

CREATE TABLE handback.saved_view (
	person text NOT NULL DEFAULT session_user,
	name   text NOT NULL CHECK (name ~ '\S' AND length(name) <= 60),
	query  text NOT NULL CHECK (query ~ '^[A-Za-z0-9%=&._~-]+$' AND length(query) <= 1000),
	PRIMARY KEY (person, name)
);
COMMENT ON TABLE handback.saved_view IS 'Filters of the holds'' list that people keep under a name; each person''s are their own';
COMMENT ON COLUMN handback.saved_view.query IS 'As it stands in the page''s address';

CREATE FUNCTION handback.save_view(view_name text, view_query text) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF (SELECT count(*) FROM handback.saved_view s WHERE s.person = session_user AND s.name <> view_name) >= 30 THEN
		RAISE EXCEPTION 'a person keeps at most 30 views' USING ERRCODE = 'program_limit_exceeded';
	END IF;
	INSERT INTO handback.saved_view (name, query) VALUES (view_name, view_query)
	ON CONFLICT (person, name) DO UPDATE SET query = EXCLUDED.query;
END
$$;
COMMENT ON FUNCTION handback.save_view(text, text) IS 'Keeps a filter of the holds'' list for the session''s person, in place of the one of that name';

CREATE FUNCTION handback.drop_view(view_name text) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	DELETE FROM handback.saved_view s WHERE s.person = session_user AND s.name = view_name
$$;
COMMENT ON FUNCTION handback.drop_view(text) IS 'Forgets a view of the session''s person';

REVOKE ALL ON FUNCTION handback.save_view(text, text), handback.drop_view(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.save_view(text, text), handback.drop_view(text) TO handback_operator;
GRANT SELECT ON handback.saved_view TO handback_operator, handback_nightly, handback_verify;
