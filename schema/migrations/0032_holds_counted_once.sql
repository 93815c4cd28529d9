-- Holds of one redemption are counted once.

SET LOCAL ROLE handback_owner;

-- Open holds. Several of one redemption wait for one decision: one of them counts, with its points.
CREATE VIEW handback.hold_open AS
	SELECT h.*, row_number() OVER (PARTITION BY coalesce(h.redemption_id, -h.hold_id) ORDER BY h.hold_id) = 1 AS counts
	FROM handback.hold_now h
	WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id);
COMMENT ON VIEW handback.hold_open IS 'handback.hold_now of what is open; counts: the first of each redemption''s, by which holds and points are counted once';

GRANT SELECT ON handback.hold_open TO handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify,
	handback_collector;
