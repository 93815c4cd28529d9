-- Records whose redemption was found by a rematch, where the guard has held them: they wait for two people, and a
-- later run leaves them alone.

SET LOCAL ROLE handback_owner;

CREATE TABLE handback.hold_guarded (
	hold_id       bigint PRIMARY KEY REFERENCES handback.hold,
	redemption_id bigint NOT NULL,
	outcome       smallint NOT NULL REFERENCES handback.outcome_name,
	event_id        bigint NOT NULL REFERENCES audit.event
);
COMMENT ON TABLE handback.hold_guarded IS 'Records that were unknown, were rematched, and are held by the guard; append-only';
COMMENT ON COLUMN handback.hold_guarded.redemption_id IS 'The redemption that was found for the record';
COMMENT ON COLUMN handback.hold_guarded.outcome IS 'What would have become of it';
COMMENT ON COLUMN handback.hold_guarded.event_id IS 'The event of the nightly run that names them';

CALL handback_schema.make_append_only('handback.hold_guarded');

-- A hold as it stands: what a record waits for now, and the redemption that is known by now.
CREATE VIEW handback.hold_now AS
	SELECT h.hold_id, h.file_id, h.record_no, CASE WHEN g.hold_id IS NULL THEN h.reason ELSE 'guard' END AS reason,
		coalesce(h.redemption_id, g.redemption_id) AS redemption_id, h.points, h.opened_at
	FROM handback.hold h
	LEFT JOIN handback.hold_guarded g USING (hold_id);
COMMENT ON VIEW handback.hold_now IS
	'handback.hold with the reason and the redemption that hold since the guard stopped a rematch';

GRANT SELECT ON handback.hold_guarded, handback.hold_now TO handback_daemon, handback_operator, handback_finance;
GRANT INSERT ON handback.hold_guarded TO handback_daemon;
