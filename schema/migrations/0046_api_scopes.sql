-- What a credential's tokens are for.

SET LOCAL ROLE handback_owner;

ALTER TABLE api.credential
	ADD COLUMN scopes text[] CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'redeem', 'reverse']);
COMMENT ON COLUMN api.credential.scopes IS 'What its tokens are for; NULL: all';

CREATE OR REPLACE VIEW api.credential_now AS
	SELECT k.* FROM api.credential k
	WHERE NOT EXISTS (SELECT FROM api.credential newer WHERE newer.client_id = k.client_id AND newer.generation > k.generation);

CREATE OR REPLACE VIEW api.credentials AS
	SELECT k.client_id, p.code AS programme, k.secret_hash IS NULL AS revoked, k.generation, k.calls_per_minute, k.points_per_day,
		k.made_at, k.made_by, array_to_string(k.scopes, ' ') AS scopes
	FROM api.credential_now k JOIN ledger.programme p USING (programme_id);

DROP FUNCTION api.authenticate(text, bytea);
CREATE FUNCTION api.authenticate(client_id text, secret_hash bytea,
		OUT programme_id integer, OUT generation integer, OUT calls_per_minute integer, OUT scopes text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT k.programme_id, k.generation, k.calls_per_minute, array_to_string(k.scopes, ' ') FROM api.credential_now k
	WHERE k.client_id = authenticate.client_id AND k.secret_hash = authenticate.secret_hash
$$;
COMMENT ON FUNCTION api.authenticate(text, bytea) IS 'The credential whose secret has this SHA-256; NULLs: there is none in force';

DROP FUNCTION api.add_credential(text, text, bytea, integer, bigint);
CREATE FUNCTION api.add_credential(client_id text, programme text, secret_hash bytea, calls_per_minute integer DEFAULT NULL,
		points_per_day bigint DEFAULT NULL, scopes text[] DEFAULT NULL) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	programme_id integer;
BEGIN
	SELECT p.programme_id INTO programme_id FROM ledger.programme p WHERE p.code = programme;
	IF programme_id IS NULL THEN
		RAISE EXCEPTION 'there is no programme %', programme USING ERRCODE = 'no_data_found';
	ELSIF (api.credential_of(client_id)).generation IS NOT NULL THEN
		RAISE EXCEPTION 'there is a credential % already', client_id USING ERRCODE = 'duplicate_object',
			HINT = 'rotate gives it a new secret.';
	ELSIF EXISTS (SELECT FROM api.sender s WHERE s.client_id = add_credential.client_id) THEN
		-- one name is one credential: whoever revokes it means all that it can do
		RAISE EXCEPTION 'there is a credential % already, of a source', client_id USING ERRCODE = 'duplicate_object';
	END IF;
	INSERT INTO api.credential (client_id, generation, programme_id, secret_hash, calls_per_minute, points_per_day, scopes)
	VALUES (client_id, 1, programme_id, secret_hash, calls_per_minute, points_per_day, scopes);
	PERFORM audit.append_event('credential_added', 'credential ' || client_id, NULL, 'programme ' || programme || coalesce(', for ' || array_to_string(scopes, ', '), ''));
	RETURN 1;
END
$$;
COMMENT ON FUNCTION api.add_credential(text, text, bytea, integer, bigint, text[]) IS 'A caller of the API; gives its generation';

CREATE OR REPLACE FUNCTION api.renew_credential(client_id text, secret_hash bytea) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	last constant api.credential := api.credential_of(client_id);
BEGIN
	IF last.generation IS NULL THEN
		RAISE EXCEPTION 'there is no credential %', client_id USING ERRCODE = 'no_data_found';
	END IF;
	INSERT INTO api.credential (client_id, generation, programme_id, secret_hash, calls_per_minute, points_per_day, scopes)
	VALUES (client_id, last.generation + 1, last.programme_id, secret_hash, last.calls_per_minute, last.points_per_day, last.scopes);
	PERFORM audit.append_event(CASE WHEN secret_hash IS NULL THEN 'credential_revoked' ELSE 'credential_rotated' END,
		'credential ' || client_id, NULL, 'generation ' || last.generation + 1);
	RETURN last.generation + 1;
END
$$;

REVOKE ALL ON FUNCTION api.authenticate(text, bytea), api.add_credential(text, text, bytea, integer, bigint, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.authenticate(text, bytea) TO handback_api;
GRANT EXECUTE ON FUNCTION api.add_credential(text, text, bytea, integer, bigint, text[]) TO handback_operator;
