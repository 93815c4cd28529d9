-- A file that its partner called void is not repeated by the same delivery again: that is decided again.  And a reversal that was
-- refused because the partner was asked says so, and not that it was done.

SET LOCAL ROLE handback_owner;

CREATE OR REPLACE FUNCTION handback.file_counts(f handback.file) RETURNS boolean
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE f.state
		WHEN 'posted' THEN NOT EXISTS (SELECT FROM handback.correction_of c
			WHERE c.corrected_file = f.file_id AND c.corrected_record = 0 AND c.file_id > f.file_id)
		WHEN 'held' THEN NOT EXISTS (
			SELECT FROM handback.hold h
			JOIN handback.hold_end e USING (hold_id)
			WHERE h.file_id = f.file_id AND h.record_no IS NULL
				AND (e.how = 'closed' OR EXISTS (SELECT FROM handback.file r WHERE r.release_of = f.file_id)))
		ELSE false END
$$;
COMMENT ON FUNCTION handback.file_counts(handback.file) IS
	'Is the file posted, and not void, or does it wait as a whole? Then the same delivery again is a duplicate of it';

CREATE OR REPLACE FUNCTION api.reverse(client_id text, generation integer, request_id text, key text, body_hash bytea,
		member text, merchant text, redemption uuid, OUT code text, OUT reason text, OUT again boolean)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	programme constant integer := api.programme_of(client_id, generation);
	first api.request;
	debit bigint;
	entry bigint;
BEGIN
	again := false;
	IF programme IS NULL THEN
		code := '401';
		reason := 'the credential is not in force';
		RETURN;
	END IF;
	-- a key that was used before decides; what is not posted needs no taking back
	SELECT * INTO first FROM api.request q WHERE q.client_id = reverse.client_id AND q.idempotency_key = key;
	IF first.request_no IS NOT NULL THEN
		again := first.body_hash = body_hash;
		code := CASE WHEN again THEN first.code ELSE '409' END;
		reason := CASE WHEN again THEN first.reason ELSE 'the key was used for another request' END;
		RETURN;
	END IF;
	SELECT e.entry_id INTO debit FROM ledger.entry e JOIN ledger.member m ON m.member_id = e.member_id
	WHERE e.external_reference = redemption AND e.category = 'Debit By Redemption' AND e.programme_id = programme
		AND m.relation_reference = member AND e.merchant = reverse.merchant;
	IF btrim(merchant) = '' THEN
		code := '208';
		reason := 'merchant name is missing';
	ELSIF NOT EXISTS (SELECT FROM ledger.member m WHERE m.programme_id = programme AND m.relation_reference = member) THEN
		code := '103';
		reason := 'member does not exist';
	ELSIF debit IS NULL THEN
		code := '301';
		reason := 'no such redemption of this member and merchant';
	ELSE
		-- nobody waits here for who holds it: all other calls would wait, too
		PERFORM FROM ledger.balance b JOIN ledger.entry e ON e.member_id = b.member_id WHERE e.entry_id = debit FOR NO KEY UPDATE OF b NOWAIT;
		BEGIN
			SELECT r.entry_id INTO entry
			FROM ledger.post_answers(ARRAY[debit], 'Debit By Redemption', 'Redemption Reversal', 'api') r;
			code := '000';
		EXCEPTION WHEN unique_violation THEN
			-- by this very call, whose answer our own program lost?
			SELECT '000', NULL INTO code, reason FROM ledger.entry r JOIN api.request q ON q.entry_id = r.entry_id
			WHERE r.answers_entry_id = debit AND q.client_id = reverse.client_id AND q.request_id = reverse.request_id
				AND q.body_hash = reverse.body_hash;
			IF NOT FOUND THEN
				code := '301';
				reason := CASE WHEN EXISTS (SELECT FROM ledger.reversal r WHERE r.redemption_id = debit) THEN 'the redemption is reversed already'
					-- nothing came back (points.keep_sent)
					ELSE 'the partner was asked for it, and only its answer gives the points back' END;
			END IF;
		END;
	END IF;
	-- after the wait for a twin, if there was one: it has written its key, and we see it
	SELECT * INTO first FROM api.request q WHERE q.client_id = reverse.client_id AND q.idempotency_key = key;
	IF first.request_no IS NOT NULL THEN
		IF entry IS NOT NULL THEN -- it was used meanwhile for something else: nothing of this may stand
			RAISE EXCEPTION 'the key was used for another request' USING ERRCODE = 'unique_violation', CONSTRAINT = 'request_key';
		END IF;
		again := first.body_hash = body_hash;
		code := CASE WHEN again THEN first.code ELSE '409' END;
		reason := CASE WHEN again THEN first.reason ELSE 'the key was used for another request' END;
	ELSIF entry IS NOT NULL OR key IS NOT NULL AND code <> '000' THEN
		INSERT INTO api.request (client_id, request_id, idempotency_key, body_hash, code, reason, entry_id)
		VALUES (client_id, request_id, key, body_hash, code, reason, entry);
	END IF;
END
$$;

COMMENT ON COLUMN handback.file.again_of IS 'The same delivery as it came before and was closed, or called void';
