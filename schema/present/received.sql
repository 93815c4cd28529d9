-- Hand-back files by the API: who may send for which source, what came, and what became of it.

-- Beside api.credential and not in it: no function that redeems knows of these callers.
CREATE TABLE api.sender (
	client_id        text    NOT NULL CHECK (client_id ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
	generation       integer NOT NULL CHECK (generation > 0),
	source           text    NOT NULL CHECK (source ~ '^[a-z0-9_][a-z0-9_-]{0,62}$'),
	secret_hash      bytea   CHECK (length(secret_hash) = 32),
	calls_per_minute integer CHECK (calls_per_minute > 0),
	made_at          timestamptz NOT NULL DEFAULT transaction_timestamp(),
	made_by          text    NOT NULL DEFAULT session_user,
	PRIMARY KEY (client_id, generation)
);
CALL handback_schema.make_append_only('api.sender');
COMMENT ON TABLE api.sender IS 'Who may send the files of one source, a row for each generation: the newest is in force; append-only';
COMMENT ON COLUMN api.sender.source IS 'As the configuration calls it';
COMMENT ON COLUMN api.sender.secret_hash IS 'SHA-256 of the secret. NULL: revoked';

CREATE TABLE api.received (
	received_id uuid    PRIMARY KEY DEFAULT gen_random_uuid(),
	client_id   text    NOT NULL,
	source      text    NOT NULL,
	name        text    NOT NULL CHECK (name <> ''),
	sha256      bytea   NOT NULL CHECK (length(sha256) = 32),
	bytes       bigint  NOT NULL CHECK (bytes >= 0),
	request_id  text    NOT NULL,
	received_at timestamptz NOT NULL DEFAULT transaction_timestamp()
);
-- the same file sent again has the address of the first
CREATE UNIQUE INDEX received_once ON api.received (source, name, sha256);
CALL handback_schema.make_append_only('api.received');
COMMENT ON TABLE api.received IS 'Files that came by the API: the address of each, and who sent it first; append-only';
COMMENT ON COLUMN api.received.received_id IS 'Its address: /v1/files/...';
COMMENT ON COLUMN api.received.request_id IS 'As the answer and the log have it';

CREATE VIEW api.senders AS
	SELECT s.client_id, s.source, s.secret_hash IS NULL AS revoked, s.generation, s.calls_per_minute, s.made_at, s.made_by
	FROM api.sender s
	WHERE NOT EXISTS (SELECT FROM api.sender newer WHERE newer.client_id = s.client_id AND newer.generation > s.generation);
COMMENT ON VIEW api.senders IS 'Who may send files by the API, and since when: the newest generation of each';

CREATE FUNCTION api.authenticate_sender(client_id text, secret_hash bytea,
		OUT source text, OUT generation integer, OUT calls_per_minute integer)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT s.source, s.generation, s.calls_per_minute FROM api.sender s
	WHERE s.client_id = authenticate_sender.client_id AND s.secret_hash = authenticate_sender.secret_hash
		AND NOT EXISTS (SELECT FROM api.sender newer WHERE newer.client_id = s.client_id AND newer.generation > s.generation)
$$;
COMMENT ON FUNCTION api.authenticate_sender(text, bytea) IS 'The sender whose secret has this SHA-256; NULLs: there is none in force';

CREATE FUNCTION api.source_of(client_id text, generation integer) RETURNS text
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT s.source FROM api.sender s
	WHERE s.client_id = source_of.client_id AND s.generation = source_of.generation AND s.secret_hash IS NOT NULL
		AND NOT EXISTS (SELECT FROM api.sender newer
			WHERE newer.client_id = s.client_id AND newer.generation > s.generation)
$$;
COMMENT ON FUNCTION api.source_of(text, integer) IS 'The source of a sender of this generation; NULL when it is not in force';

-- A file is whole and has its name in the spool.  code: 201, 000 where it came before, 401, 403
CREATE FUNCTION api.receive(client_id text, generation integer, request_id text, source text, name text, sha256 bytea, bytes bigint,
		OUT code text, OUT id uuid)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	its constant text := api.source_of(client_id, generation);
BEGIN
	code := CASE WHEN its IS NULL THEN '401' WHEN its <> source THEN '403' ELSE '201' END;
	IF code <> '201' THEN
		RETURN;
	END IF;
	INSERT INTO api.received AS r (client_id, source, name, sha256, bytes, request_id)
	VALUES (client_id, source, name, sha256, bytes, request_id)
	ON CONFLICT DO NOTHING RETURNING r.received_id INTO id;
	IF id IS NULL THEN
		code := '000';
		SELECT r.received_id INTO STRICT id FROM api.received r
		WHERE r.source = receive.source AND r.name = receive.name AND r.sha256 = receive.sha256;
	END IF;
	PERFORM audit.append_event('file_received', 'source ' || source, NULL,
		format('%s by %s, request %s, sha256 %s, %s bytes', id, client_id, request_id, encode(sha256, 'hex'), bytes));
END
$$;
COMMENT ON FUNCTION api.receive(text, integer, text, text, text, bytea, bigint) IS
	'Notes that a file of the caller''s source has come, and gives its address: the first one''s where the same came before';

-- What became of it, for its sender: no member, no value of the file.  code: 000, 401, 404
CREATE FUNCTION api.file(client_id text, generation integer, id uuid, OUT code text, OUT body jsonb)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	most constant integer := 20;
	its constant text := api.source_of(client_id, generation);
	r api.received;
	f handback.file;
BEGIN
	SELECT * INTO r FROM api.received x WHERE x.received_id = id AND x.source = its;
	code := CASE WHEN its IS NULL THEN '401' WHEN r.received_id IS NULL THEN '404' ELSE '000' END;
	IF code <> '000' THEN
		RETURN;
	END IF;
	-- how it stands: a repetition says less than what it repeats, a release more than what was held
	SELECT * INTO f FROM handback.file x WHERE x.source = its AND x.sha256 = r.sha256 AND x.name = convert_to(r.name, 'UTF8')
	ORDER BY x.state = 'duplicate', x.file_id DESC LIMIT 1;
	body := jsonb_build_object('id', r.received_id, 'name', r.name, 'bytes', r.bytes, 'sha256', encode(r.sha256, 'hex'),
		'received_at', r.received_at, 'state', CASE WHEN EXISTS (SELECT FROM handback.file_hold h WHERE h.file_id = f.file_id AND f.state = 'held'
			AND h.how = 'closed') THEN 'closed' ELSE coalesce(f.state::text, 'received') END, 'held_for', f.hold_reason, 'decided_at', f.decided_at,
		'records', f.records,
		'repeats', (SELECT o.received_id FROM handback.file d JOIN api.received o ON o.source = its AND o.sha256 = d.sha256
				AND convert_to(o.name, 'UTF8') = d.name WHERE d.file_id = f.duplicate_of),
		'outcomes', (SELECT coalesce(jsonb_object_agg(n.name, jsonb_build_object('records', t.records, 'points', t.points)), '{}')
			FROM handback.tie_out t JOIN handback.outcome_name n ON n.outcome = t.outcome WHERE t.file_id = f.file_id),
		'totals', (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.n), '[]')
			FROM (SELECT c.n, c.name, c.place, c.stated, c.counted, c.agrees FROM handback.control c WHERE c.file_id = f.file_id
				ORDER BY c.n LIMIT most) c),
		'refusals', (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.n), '[]')
			FROM (SELECT c.n, c.rule, c.field, c.record_no AS record, c.byte_offset FROM handback.refusal c WHERE c.file_id = f.file_id
				ORDER BY c.n LIMIT most) c),
		'holds', (SELECT coalesce(jsonb_agg(to_jsonb(h) ORDER BY h.reason), '[]')
			FROM (SELECT h.reason, count(*) AS records, count(*) FILTER (WHERE NOT EXISTS
					(SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)) AS open
				FROM handback.hold_now h WHERE h.file_id = f.file_id GROUP BY h.reason ORDER BY h.reason LIMIT most) h));
END
$$;
COMMENT ON FUNCTION api.file(text, integer, uuid) IS 'What became of a file of the caller''s source: state, outcomes, totals, refusals, holds';

-- ---- people ----

CREATE FUNCTION api.add_sender(client_id text, source text, secret_hash bytea, calls_per_minute integer DEFAULT NULL) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	IF (api.credential_of(client_id)).generation IS NOT NULL OR EXISTS (SELECT FROM api.sender s WHERE s.client_id = add_sender.client_id) THEN
		RAISE EXCEPTION 'there is a credential % already', client_id USING ERRCODE = 'duplicate_object',
			HINT = 'rotate gives it a new secret.';
	END IF;
	INSERT INTO api.sender (client_id, generation, source, secret_hash, calls_per_minute)
	VALUES (client_id, 1, source, secret_hash, calls_per_minute);
	PERFORM audit.append_event('credential_added', 'credential ' || client_id, NULL, 'source ' || source);
	RETURN 1;
END
$$;
COMMENT ON FUNCTION api.add_sender(text, text, bytea, integer) IS 'Who may send the files of one source, and nothing else; gives its generation';

-- secret_hash NULL: revoked.
CREATE FUNCTION api.renew(client_id text, secret_hash bytea) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	last api.sender;
BEGIN
	SELECT * INTO last FROM api.sender s WHERE s.client_id = renew.client_id ORDER BY s.generation DESC LIMIT 1;
	IF last.generation IS NULL THEN
		RETURN api.renew_credential(client_id, secret_hash);
	END IF;
	INSERT INTO api.sender (client_id, generation, source, secret_hash, calls_per_minute)
	VALUES (client_id, last.generation + 1, last.source, secret_hash, last.calls_per_minute);
	PERFORM audit.append_event(CASE WHEN secret_hash IS NULL THEN 'credential_revoked' ELSE 'credential_rotated' END,
		'credential ' || client_id, NULL, 'generation ' || last.generation + 1);
	RETURN last.generation + 1;
END
$$;
COMMENT ON FUNCTION api.renew(text, bytea) IS 'As renew_credential, of whichever kind the credential is';

GRANT EXECUTE ON FUNCTION api.authenticate_sender(text, bytea), api.source_of(text, integer),
	api.receive(text, integer, text, text, text, bytea, bigint), api.file(text, integer, uuid) TO handback_api;
GRANT EXECUTE ON FUNCTION api.add_sender(text, text, bytea, integer), api.renew(text, bytea) TO handback_operator;
GRANT SELECT ON api.senders, api.received TO handback_finance, handback_verify;
