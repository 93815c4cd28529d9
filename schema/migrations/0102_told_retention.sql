-- Read-backs and what was to be told go as deliveries do: by retention.deliveries, where nothing needs them.

SET LOCAL ROLE handback_owner;

-- What was told goes by retention alone, once each target is behind it.
CREATE FUNCTION handback.check_outgoing_purge() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM gone g WHERE g.made_at > clock_timestamp() - interval '30 days'
			OR EXISTS (SELECT FROM handback.told_so_far() t WHERE ((g.xid, g.outgoing_id) < (t.xid, t.outgoing)) IS NOT TRUE)) THEN
		RAISE EXCEPTION 'what is to be told stays until each target was told, and for a month' USING ERRCODE = 'insufficient_privilege';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION handback.check_outgoing_purge() IS 'Trigger: what was told goes when it is long over, and each target is behind it';

DROP TRIGGER append_only ON handback.outgoing;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON handback.outgoing FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();
CREATE TRIGGER check_purge AFTER DELETE ON handback.outgoing REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION handback.check_outgoing_purge();

-- A read-back goes by retention alone, with all that was noted of it.
CREATE FUNCTION handback.check_parity_purge() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM handback.parity p WHERE p.parity_id = OLD.parity_id AND (TG_TABLE_NAME <> 'parity'
			OR NOT EXISTS (SELECT FROM handback.parity_end e WHERE e.parity_id = p.parity_id
				AND e.ended_at < clock_timestamp() - interval '30 days'))) THEN
		RAISE EXCEPTION 'read-back % stays: what is noted of read-backs goes with them, a month after they ended', OLD.parity_id
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	RETURN OLD;
END
$$;
COMMENT ON FUNCTION handback.check_parity_purge() IS 'Trigger: a read-back goes when it is long over, and what is noted of it goes with it';

DROP TRIGGER append_only ON handback.parity;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON handback.parity FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();
CREATE TRIGGER check_purge BEFORE DELETE ON handback.parity FOR EACH ROW EXECUTE FUNCTION handback.check_parity_purge();
DROP TRIGGER append_only ON handback.parity_read;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON handback.parity_read FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();
CREATE TRIGGER check_purge BEFORE DELETE ON handback.parity_read FOR EACH ROW EXECUTE FUNCTION handback.check_parity_purge();
DROP TRIGGER append_only ON handback.parity_difference;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON handback.parity_difference FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();
CREATE TRIGGER check_purge BEFORE DELETE ON handback.parity_difference FOR EACH ROW EXECUTE FUNCTION handback.check_parity_purge();
DROP TRIGGER append_only ON handback.parity_end;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON handback.parity_end FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();
CREATE TRIGGER check_purge BEFORE DELETE ON handback.parity_end FOR EACH ROW EXECUTE FUNCTION handback.check_parity_purge();
ALTER TABLE handback.parity_read DROP CONSTRAINT parity_read_parity_id_fkey,
	ADD CONSTRAINT parity_read_parity_id_fkey FOREIGN KEY (parity_id) REFERENCES handback.parity ON DELETE CASCADE;
ALTER TABLE handback.parity_difference DROP CONSTRAINT parity_difference_parity_id_fkey,
	ADD CONSTRAINT parity_difference_parity_id_fkey FOREIGN KEY (parity_id) REFERENCES handback.parity ON DELETE CASCADE;
ALTER TABLE handback.parity_end DROP CONSTRAINT parity_end_parity_id_fkey,
	ADD CONSTRAINT parity_end_parity_id_fkey FOREIGN KEY (parity_id) REFERENCES handback.parity ON DELETE CASCADE;
COMMENT ON TABLE handback.outgoing IS 'What other systems are to be told, a row for each cause; commits with what it tells; append-only until retention';
COMMENT ON TABLE handback.parity IS 'Each time that a target is asked for what it was told; append-only until retention';
COMMENT ON TABLE handback.parity_read IS 'What the target has of each delivery that was read back; append-only until retention';
COMMENT ON TABLE handback.parity_difference IS 'What a target had lost, or has otherwise than it was told; append-only until retention';
COMMENT ON TABLE handback.parity_end IS 'How each read-back ended; append-only until retention. skipped: the connector does not say how';

-- Read-backs that are not needed any more: all of a target up to the first that is young, goes on, is the newest, or found what is a
-- break still; so whatever found a break to be over goes behind it. The newest that was done stays, since the next begins behind it.
CREATE FUNCTION handback.purgeable_parities(keep interval) RETURNS SETOF handback.parity
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT d.*
	FROM (SELECT n.target, max(n.parity_id) AS newest, max(n.parity_id) FILTER (WHERE e.result = 'done') AS done,
			min(n.parity_id) FILTER (WHERE (e.ended_at < clock_timestamp() - greatest(keep, interval '30 days')) IS NOT TRUE) AS young
		FROM handback.parity n LEFT JOIN handback.parity_end e ON e.parity_id = n.parity_id GROUP BY n.target) t
	CROSS JOIN LATERAL (SELECT least(t.newest, t.young,
		(SELECT min(f.parity_id) FROM handback.parity_difference f WHERE f.parity_id = t.done AND NOT f.resent),
		(SELECT min(f.parity_id) FROM handback.target_break b JOIN handback.parity_difference f USING (target, kind, subject, key)
			WHERE b.target = t.target)) AS parity_id) first
	JOIN handback.parity d ON d.target = t.target AND d.parity_id < first.parity_id AND d.parity_id IS DISTINCT FROM t.done
$$;
COMMENT ON FUNCTION handback.purgeable_parities(interval) IS 'Read-backs that ended longer ago than that, and that nothing needs';

-- How far each target was told; NULL where nobody knows.
CREATE FUNCTION handback.told_so_far() RETURNS TABLE (target text, xid xid8, outgoing bigint)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT t.name, CASE WHEN at.xid <= pg_snapshot_xmax(pg_current_snapshot()) THEN at.xid END, at.outgoing
	FROM handback.target t LEFT JOIN LATERAL handback.delivered_to(t.name) at ON true
	WHERE t.version = 1
$$;
COMMENT ON FUNCTION handback.told_so_far() IS 'How far each target was told; NULL where nobody knows, as after a restore into another server';

-- Causes that each target was told. A replay reaches back as far as they do.
CREATE FUNCTION handback.purgeable_outgoing(keep interval) RETURNS SETOF handback.outgoing
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH told AS MATERIALIZED (SELECT * FROM handback.told_so_far())
	SELECT o.* FROM handback.outgoing o
	WHERE o.made_at < clock_timestamp() - greatest(keep, interval '30 days')
		AND NOT EXISTS (SELECT FROM told t WHERE ((o.xid, o.outgoing_id) < (t.xid, t.outgoing)) IS NOT TRUE)
	ORDER BY o.xid, o.outgoing_id LIMIT 1000000
$$;
COMMENT ON FUNCTION handback.purgeable_outgoing(interval) IS 'Causes recorded longer ago than that, and told to each target';

CREATE OR REPLACE FUNCTION handback.purge_deliveries(keep interval) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	gone record;
	rows bigint := 0;
BEGIN
	-- first: what they read of deliveries keeps these
	FOR gone IN WITH purged AS (DELETE FROM handback.parity d USING handback.purgeable_parities(keep) p
				WHERE d.parity_id = p.parity_id RETURNING d.target, d.parity_id, d.started_at)
			SELECT target, count(*) AS rows, max(parity_id) AS last, max(started_at) AS until FROM purged GROUP BY target ORDER BY target LOOP
		PERFORM audit.append_event('target_changed', 'target ' || gone.target, NULL,
			format('%s read-backs were purged, up to number %s of %s', gone.rows, gone.last, gone.until));
	END LOOP;
	FOR gone IN WITH purged AS (DELETE FROM handback.delivery d USING handback.purgeable_deliveries(keep) p
				WHERE d.delivery_id = p.delivery_id RETURNING d.target, d.delivery_id, d.started_at)
			SELECT target, count(*) AS rows, max(delivery_id) AS last, max(started_at) AS until FROM purged GROUP BY target ORDER BY target LOOP
		PERFORM audit.append_event('target_changed', 'target ' || gone.target, NULL,
			format('%s deliveries were purged, up to number %s of %s', gone.rows, gone.last, gone.until));
		rows := rows + gone.rows;
	END LOOP;
	WITH purged AS (DELETE FROM handback.outgoing d USING handback.purgeable_outgoing(keep) p
			WHERE d.outgoing_id = p.outgoing_id RETURNING d.outgoing_id, d.made_at)
		SELECT count(*) AS rows, max(outgoing_id) AS last, max(made_at) AS until INTO gone FROM purged;
	IF gone.rows > 0 THEN
		PERFORM audit.append_event('target_changed', 'targets', NULL,
			format('%s causes that each was told were purged, up to number %s of %s', gone.rows, gone.last, gone.until));
	END IF;
	RETURN rows;
END
$$;
COMMENT ON FUNCTION handback.purge_deliveries(interval) IS 'Has deliveries, read-backs and causes go that nothing needs, and says so in the audit trail; gives how many deliveries';

REVOKE ALL ON FUNCTION handback.check_outgoing_purge(), handback.check_parity_purge(), handback.told_so_far(), handback.purgeable_parities(interval),
	handback.purgeable_outgoing(interval) FROM PUBLIC;
