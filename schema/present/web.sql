-- The pages: who opened them, and how a person's browser comes to the person's own session of the database.
--
-- A link is made by the person, in a session that has logged in as that person, or for a person by handback-login, to
-- which a proxy or an identity provider vouched; it is worth something once, for five minutes, and only in a session of
-- the same person. So whoever serves the pages can open none for anybody: the login of handback-desk may be everyone,
-- and a link says which of them there is.

CREATE TABLE handback.web_link (
	hash    bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
	person  text NOT NULL DEFAULT session_user,
	made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	way     text NOT NULL DEFAULT 'person' CHECK (way IN ('person', 'proxy', 'provider')),
	identity         text CHECK (length(identity) BETWEEN 1 AND 255),
	authenticated_at timestamptz,
	UNIQUE (hash, person),
	CONSTRAINT vouched_for CHECK ((way = 'person') = (identity IS NULL) AND (way <> 'person' OR authenticated_at IS NULL))
);
COMMENT ON TABLE handback.web_link IS 'Links to open the pages with, which people made themselves or a proxy or provider vouched for; append-only';
COMMENT ON COLUMN handback.web_link.hash IS 'SHA-256 of what the link has; the link itself is known to nobody else';
COMMENT ON COLUMN handback.web_link.way IS 'Who says that it is the person: the person''s own session of the database, a proxy, or an identity provider';
COMMENT ON COLUMN handback.web_link.identity IS 'Whom the proxy or provider named';
COMMENT ON COLUMN handback.web_link.authenticated_at IS 'When the person showed that to them, where they said so';

CREATE TABLE handback.web_login (
	hash   bytea PRIMARY KEY,
	person text NOT NULL DEFAULT session_user,
	at     timestamptz NOT NULL DEFAULT clock_timestamp(),
	authenticated_at timestamptz,
	FOREIGN KEY (hash, person) REFERENCES handback.web_link (hash, person)
);
COMMENT ON TABLE handback.web_login IS 'Who opened the pages, and when: one for a link, and by the person whose it is; append-only';
COMMENT ON COLUMN handback.web_login.authenticated_at IS 'When the person showed who it is: a link of their own does by being opened; NULL: nobody said';

CALL handback_schema.make_append_only('handback.web_link');
CALL handback_schema.make_append_only('handback.web_login');

CREATE FUNCTION handback.make_web_link(link_hash bytea) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO handback.web_link (hash) VALUES (link_hash)
$$;
COMMENT ON FUNCTION handback.make_web_link(bytea) IS 'Notes a link of the session''s person, by its hash';

CREATE FUNCTION handback.make_web_link_for(link_hash bytea, link_person text, link_way text, link_identity text, link_roles text[],
	link_authenticated_at timestamptz) RETURNS boolean
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO handback.web_link (hash, person, way, identity, authenticated_at)
	-- another clock that is ahead makes nothing fresher; and LEAST would take ours where there is none
	SELECT link_hash, r.rolname, link_way, link_identity,
		CASE WHEN link_authenticated_at > clock_timestamp() THEN clock_timestamp() ELSE link_authenticated_at END
	FROM pg_roles r
	WHERE r.rolname = link_person AND r.rolcanlogin AND NOT r.rolsuper AND link_way <> 'person'
		AND CASE WHEN pg_has_role(r.oid, 'handback_operator', 'MEMBER') THEN 'operator'
			WHEN pg_has_role(r.oid, 'handback_finance', 'MEMBER') THEN 'finance' END = ANY (link_roles);
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION handback.make_web_link_for(bytea, text, text, text, text[], timestamptz) IS
	'Notes a link for somebody of these roles; false where the person is none: no login, a superuser, or in another role';

CREATE FUNCTION handback.enter_by_web(link_hash bytea) RETURNS boolean
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO handback.web_login (hash, authenticated_at)
	SELECT l.hash, CASE l.way WHEN 'person' THEN clock_timestamp() ELSE l.authenticated_at END FROM handback.web_link l
	WHERE l.hash = link_hash AND l.person = session_user AND l.made_at > clock_timestamp() - interval '5 minutes'
	ON CONFLICT DO NOTHING;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION handback.enter_by_web(bytea) IS
	'Takes a link of the session''s person, once: false where there is none, it is older than five minutes, or it was taken';

REVOKE ALL ON FUNCTION handback.make_web_link(bytea), handback.enter_by_web(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.make_web_link(bytea), handback.enter_by_web(bytea) TO handback_finance;
REVOKE ALL ON FUNCTION handback.make_web_link_for(bytea, text, text, text, text[], timestamptz) FROM PUBLIC;
GRANT USAGE ON SCHEMA handback TO handback_login;
GRANT EXECUTE ON FUNCTION handback.make_web_link_for(bytea, text, text, text, text[], timestamptz) TO handback_login;
GRANT SELECT ON handback.web_login TO handback_finance;

-- ---- views that people keep ----

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
GRANT SELECT ON handback.saved_view TO handback_operator;
