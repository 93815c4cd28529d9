-- Last, since it is about all tables: who reads them whole, for what it writes or proves, and who only counts.

GRANT SELECT ON ALL TABLES IN SCHEMA handback, audit TO handback_nightly, handback_verify;

-- metrics
GRANT SELECT ON handback.partner, handback.file, handback.hold, handback.hold_guarded, handback.hold_now, handback.hold_open, handback.hold_end,
	handback.expected_files TO handback_collector;
