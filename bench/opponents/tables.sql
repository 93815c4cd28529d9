-- What the opponents write to: our outcome table without the proof, the same
-- indexes, the same ledger with the same constraints.
CREATE SCHEMA bench;
CREATE TABLE bench.file (file_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name text NOT NULL UNIQUE,
                         records bigint, points numeric);
CREATE TABLE bench.outcome (
	file_id bigint NOT NULL, record_no bigint NOT NULL, byte_offset bigint, byte_length integer,
	verdict smallint NOT NULL, outcome smallint NOT NULL, redemption_id bigint, reversal_id bigint,
	points bigint, hold_reason text, reference text, reasons text, decided_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON bench.outcome USING brin (file_id, record_no) WITH (pages_per_range = 32);
CREATE UNIQUE INDEX ON bench.outcome (redemption_id, outcome) WHERE outcome IN (1, 2, 7);
CREATE INDEX ON bench.outcome (redemption_id) WHERE outcome NOT IN (1, 2, 7);
