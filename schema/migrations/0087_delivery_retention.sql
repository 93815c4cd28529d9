-- Deliveries of targets go when they are long over and nothing needs them: attempts do not grow for ever.

SET LOCAL ROLE handback_owner;

-- What is long over goes by retention alone, a delivery with all that was noted of it.
CREATE FUNCTION handback.check_delivery_purge() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM handback.delivery d WHERE d.delivery_id = OLD.delivery_id AND (TG_TABLE_NAME <> 'delivery'
			OR d.started_at > clock_timestamp() - interval '30 days'
			OR NOT EXISTS (SELECT FROM handback.delivery_end e WHERE e.delivery_id = d.delivery_id))) THEN
		RAISE EXCEPTION 'delivery % stays: what is noted of deliveries goes with them, a month after they ended', OLD.delivery_id
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	RETURN OLD;
END
$$;
COMMENT ON FUNCTION handback.check_delivery_purge() IS 'Trigger: a delivery goes when it is long over, and what is noted of it goes with it';

DROP TRIGGER append_only ON handback.delivery;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON handback.delivery FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();
CREATE TRIGGER check_purge BEFORE DELETE ON handback.delivery FOR EACH ROW EXECUTE FUNCTION handback.check_delivery_purge();
DROP TRIGGER append_only ON handback.delivery_end;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON handback.delivery_end FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();
CREATE TRIGGER check_purge BEFORE DELETE ON handback.delivery_end FOR EACH ROW EXECUTE FUNCTION handback.check_delivery_purge();
DROP TRIGGER append_only ON handback.delivery_job;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON handback.delivery_job FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();
CREATE TRIGGER check_purge BEFORE DELETE ON handback.delivery_job FOR EACH ROW EXECUTE FUNCTION handback.check_delivery_purge();
DROP TRIGGER append_only ON handback.delivery_object;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON handback.delivery_object FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();
CREATE TRIGGER check_purge BEFORE DELETE ON handback.delivery_object FOR EACH ROW EXECUTE FUNCTION handback.check_delivery_purge();
ALTER TABLE handback.delivery_end DROP CONSTRAINT delivery_end_delivery_id_fkey,
	ADD CONSTRAINT delivery_end_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES handback.delivery ON DELETE CASCADE;
ALTER TABLE handback.delivery_job DROP CONSTRAINT delivery_job_delivery_id_fkey,
	ADD CONSTRAINT delivery_job_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES handback.delivery ON DELETE CASCADE;
ALTER TABLE handback.delivery_object DROP CONSTRAINT delivery_object_delivery_id_fkey,
	ADD CONSTRAINT delivery_object_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES handback.delivery ON DELETE CASCADE;
COMMENT ON TABLE handback.delivery IS 'Each batch that a target was to be told, written before it was sent; append-only until retention';
COMMENT ON TABLE handback.delivery_end IS 'How each delivery ended; append-only until retention';
COMMENT ON TABLE handback.delivery_job IS 'Jobs of targets by which very many objects are told, each step when it was taken; append-only until retention';
COMMENT ON TABLE handback.delivery_object IS 'Objects that a target did not take at once, each time that they were tried; append-only until retention';

-- ---- retention ----

-- Deliveries that are not needed any more: not of the newest of a target, nor the one that the next begins behind; nothing of them
-- waits or is held, they are not being read back, and no break is over by what was read of them.
CREATE FUNCTION handback.purgeable_deliveries(keep interval) RETURNS SETOF handback.delivery
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT d.*
	FROM (SELECT DISTINCT n.name FROM handback.target n) t
	CROSS JOIN LATERAL (SELECT least(
		(SELECT min(n.delivery_id) FROM (SELECT w.delivery_id FROM handback.delivery w WHERE w.target = t.name
			ORDER BY w.delivery_id DESC LIMIT 100) n),
		(SELECT w.delivery_id FROM handback.delivery w JOIN handback.delivery_end e ON e.delivery_id = w.delivery_id
			WHERE w.target = t.name AND (e.result = 'done' OR e.result = 'stopped' AND EXISTS (
				SELECT FROM handback.delivery_object o WHERE o.target = w.target AND o.delivery_id = w.delivery_id))
			ORDER BY w.delivery_id DESC LIMIT 1)) AS delivery_id) newest
	JOIN handback.delivery d ON d.target = t.name AND d.delivery_id < newest.delivery_id
		AND d.started_at < clock_timestamp() - greatest(keep, interval '30 days')
	WHERE EXISTS (SELECT FROM handback.delivery_end e WHERE e.delivery_id = d.delivery_id)
		AND NOT EXISTS (SELECT FROM handback.object_waiting w WHERE w.target = d.target AND w.delivery_id = d.delivery_id)
		AND NOT EXISTS (SELECT FROM handback.parity p WHERE p.target = d.target AND d.delivery_id > p.from_delivery
			AND d.delivery_id <= p.to_delivery AND NOT EXISTS (SELECT FROM handback.parity_end e WHERE e.parity_id = p.parity_id))
		AND NOT EXISTS (SELECT FROM handback.parity_read r JOIN handback.parity_difference f ON f.target = d.target AND NOT f.resent
				AND f.parity_id < r.parity_id
			WHERE r.delivery_id = d.delivery_id AND r.result = 'read' AND CASE f.kind WHEN 'redemption' THEN f.subject = ANY (d.redemptions)
				WHEN 'balance' THEN f.subject = ANY (d.members) ELSE f.key = ANY (d.lines) END)
	ORDER BY d.delivery_id LIMIT 50000
$$;
COMMENT ON FUNCTION handback.purgeable_deliveries(interval) IS 'Deliveries older than that which nothing needs: what was told is known by them, but not what there is to tell';

CREATE FUNCTION handback.purge_deliveries(keep interval) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	gone record;
	rows bigint := 0;
BEGIN
	FOR gone IN WITH purged AS (DELETE FROM handback.delivery d USING handback.purgeable_deliveries(keep) p
				WHERE d.delivery_id = p.delivery_id RETURNING d.target, d.delivery_id, d.started_at)
			SELECT target, count(*) AS rows, max(delivery_id) AS last, max(started_at) AS until FROM purged GROUP BY target ORDER BY target LOOP
		PERFORM audit.append_event('target_changed', 'target ' || gone.target, NULL,
			format('%s deliveries were purged, up to number %s of %s', gone.rows, gone.last, gone.until));
		rows := rows + gone.rows;
	END LOOP;
	RETURN rows;
END
$$;
COMMENT ON FUNCTION handback.purge_deliveries(interval) IS 'Has deliveries go that nothing needs, and says so in the audit trail; gives how many';
REVOKE ALL ON FUNCTION handback.check_delivery_purge(), handback.purgeable_deliveries(interval), handback.purge_deliveries(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.purgeable_deliveries(interval), handback.purge_deliveries(interval) TO handback_nightly;
