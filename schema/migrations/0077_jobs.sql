-- Very many objects are told by a job of the target, whose steps are written down: whoever comes after a crash asks for it.

SET LOCAL ROLE handback_owner;

-- What was done of a job of the target, by which very many objects of a kind are told: written before the next step.
CREATE TABLE handback.delivery_job (
	delivery_id bigint NOT NULL REFERENCES handback.delivery,
	kind        text   NOT NULL CHECK (kind IN ('redemption', 'balance', 'log')),
	step        text   NOT NULL CHECK (step IN ('created', 'uploaded', 'closed')),
	job         text   NOT NULL CHECK (length(job) BETWEEN 1 AND 200),
	at          timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (delivery_id, kind, step)
);
CALL handback_schema.make_append_only('handback.delivery_job');
COMMENT ON TABLE handback.delivery_job IS 'Jobs of targets by which very many objects are told, each step when it was taken; append-only';
COMMENT ON COLUMN handback.delivery_job.job IS 'What the target calls it';

CREATE FUNCTION handback.note_job(delivery bigint, kind text, step text, job text) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	IF NOT EXISTS (SELECT FROM handback.delivery d WHERE d.delivery_id = delivery
			AND NOT EXISTS (SELECT FROM handback.delivery_end e WHERE e.delivery_id = d.delivery_id)) THEN
		RAISE EXCEPTION 'delivery % is over: it has no job', delivery USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	-- one that was asked for may be closed again
	INSERT INTO handback.delivery_job (delivery_id, kind, step, job) VALUES (delivery, kind, step, job)
	ON CONFLICT ON CONSTRAINT delivery_job_pkey DO NOTHING;
END
$$;
COMMENT ON FUNCTION handback.note_job(bigint, text, text, text) IS 'What was done of a job of a delivery';

-- A delivery that nobody ended, with jobs that the target may be at: they are asked for, not told again.  No row: there is none,
-- or it was begun by another connector.
CREATE FUNCTION handback.resume_delivery(target text)
	RETURNS TABLE (delivery bigint, kind text, key text, subject bigint, object jsonb, job text, step text)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	d handback.delivery;
BEGIN
	PERFORM FROM handback.target f WHERE f.name = resume_delivery.target AND f.version = 1 FOR NO KEY UPDATE;
	SELECT n.* INTO d FROM handback.delivery n WHERE n.target = resume_delivery.target ORDER BY n.delivery_id DESC LIMIT 1;
	IF NOT EXISTS (SELECT FROM handback.delivery_job j WHERE j.delivery_id = d.delivery_id)
			OR EXISTS (SELECT FROM handback.delivery_end e WHERE e.delivery_id = d.delivery_id)
			OR NOT EXISTS (SELECT FROM handback.target_now n JOIN handback.target v ON v.name = n.name AND v.version = d.version
				WHERE n.name = d.target AND n.state = 'active' AND n.connector = v.connector)
			OR NOT pg_try_advisory_lock(hashtextextended('handback.target ' || resume_delivery.target, 0)) THEN
		RETURN;
	END IF;
	RETURN QUERY
		SELECT d.delivery_id, x.kind, x.key, x.subject, x.object, j.job, j.step
		FROM (SELECT 1 AS place, 'redemption' AS kind, r.object ->> 'reference' AS key, r.subject, r.object
				FROM handback.redemption_objects(d.redemptions) r
			UNION ALL
			SELECT 2, 'balance', b.object ->> 'member', b.subject, b.object FROM handback.balance_objects(d.members) b
			UNION ALL
			SELECT 3, 'log', l.object ->> 'id', l.subject, l.object
			FROM (SELECT array_agg(r.redemption_id) AS subjects, array_agg(substr(i, 38)) AS lines
				FROM unnest(d.lines) i JOIN ledger.redemption r ON r.external_reference = left(i, 36)::uuid) s
			CROSS JOIN LATERAL handback.log_objects(s.subjects, s.lines) l) x
		LEFT JOIN LATERAL (SELECT n.job, n.step FROM handback.delivery_job n
			WHERE n.delivery_id = d.delivery_id AND n.kind = x.kind ORDER BY n.at DESC, n.step = 'created' LIMIT 1) j ON true
		ORDER BY x.place, x.subject, x.key;
END
$$;
COMMENT ON FUNCTION handback.resume_delivery(text) IS 'A delivery that nobody ended, whose jobs a target may be at, and how far each came';

REVOKE ALL ON FUNCTION handback.note_job(bigint, text, text, text), handback.resume_delivery(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.note_job(bigint, text, text, text), handback.resume_delivery(text) TO handback_outbox;
GRANT SELECT ON handback.delivery_job TO handback_operator, handback_finance, handback_nightly, handback_verify;
