-- People who come to the pages by another system's word: a proxy's or an identity provider's.  handback-login makes a
-- link for them as a role that can do nothing else.

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'handback_login') THEN
		EXECUTE format('CREATE ROLE handback_login %s',
			CASE current_setting('handback.embedded', true) WHEN 'on' THEN 'LOGIN' ELSE 'NOLOGIN' END);
		COMMENT ON ROLE handback_login IS 'handback: makes links to the pages for people whom a proxy or a provider knows, and reads no table';
	END IF;
END
$$;

SET LOCAL ROLE handback_owner;

DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO handback_login', current_database()); END $$;
GRANT USAGE ON SCHEMA handback_schema, handback TO handback_login;
GRANT SELECT ON handback_schema.migration TO handback_login;

ALTER TABLE handback.web_link
	ADD way              text NOT NULL DEFAULT 'person' CHECK (way IN ('person', 'proxy', 'provider')),
	ADD identity         text CHECK (length(identity) BETWEEN 1 AND 255),
	ADD authenticated_at timestamptz,
	ADD CONSTRAINT vouched_for CHECK ((way = 'person') = (identity IS NULL) AND (way <> 'person' OR authenticated_at IS NULL));
COMMENT ON TABLE handback.web_link IS 'Links to open the pages with, which people made themselves or a proxy or provider vouched for; append-only';
COMMENT ON COLUMN handback.web_link.way IS 'Who says that it is the person: the person''s own session of the database, a proxy, or an identity provider';
COMMENT ON COLUMN handback.web_link.identity IS 'Whom the proxy or provider named';
COMMENT ON COLUMN handback.web_link.authenticated_at IS 'When the person showed that to them, where they said so';

ALTER TABLE handback.web_login ADD authenticated_at timestamptz;
COMMENT ON TABLE handback.web_login IS 'Who opened the pages, and when: one for a link, and by the person whose it is; append-only';
COMMENT ON COLUMN handback.web_login.authenticated_at IS 'When the person showed who it is: a link of their own does by being opened; NULL: nobody said';

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

CREATE OR REPLACE FUNCTION handback.enter_by_web(link_hash bytea) RETURNS boolean
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO handback.web_login (hash, authenticated_at)
	SELECT l.hash, CASE l.way WHEN 'person' THEN clock_timestamp() ELSE l.authenticated_at END FROM handback.web_link l
	WHERE l.hash = link_hash AND l.person = session_user AND l.made_at > clock_timestamp() - interval '5 minutes'
	ON CONFLICT DO NOTHING;
	RETURN FOUND;
END
$$;

REVOKE ALL ON FUNCTION handback.make_web_link_for(bytea, text, text, text, text[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.make_web_link_for(bytea, text, text, text, text[], timestamptz) TO handback_login;
