-- The session's own tables: what one file is, while it is decided. Never seen by anybody else.
--
-- One script, run once for a connection. Not ON COMMIT DELETE ROWS: that rebuilds the tables' TOAST indexes at every
-- commit and with them every plan, some twenty milliseconds for each file. work_clear.sql empties them instead.

SET cursor_tuple_fraction = 1;   -- the decided records are always read to the end
SET join_collapse_limit = 1;     -- joins run as they are written: from the file's records outwards

-- The records as the parser told them; see parsers/record.h. Filled by stage_copy.sql.
CREATE TEMPORARY TABLE stage (
	record_no          bigint   NOT NULL,
	byte_offset        bigint   NOT NULL,
	byte_length        integer  NOT NULL,
	verdict            smallint NOT NULL,   -- what the partner said
	judged             smallint NOT NULL,   -- what its reason codes make of that
	again              boolean  NOT NULL,   -- an earlier record may have the same external_reference
	external_reference uuid,
	points             bigint,
	member             text,
	reasons            text,                -- codes, space separated
	-- from here on: what few records have, or what is of no use to most profiles
	problem            text,                -- a hold_reason that the record itself carries
	amount             bigint,
	transaction_type   integer,
	date               date,
	outbound_line      bigint,
	outbound_reference text,
	partner_reference  text,
	reference_shown    text,
	programme          text,
	merchant           text,
	currency           text,
	reason_text        text,
	change             text
);

-- What a match key found for a record; only where the profile has other keys than our external_reference.
CREATE TEMPORARY TABLE candidate (
	record_no          bigint NOT NULL,
	key_no             smallint NOT NULL,
	external_reference uuid   NOT NULL
);

-- The one that was found, or NULL and how many there were.
CREATE TEMPORARY TABLE picked (
	record_no          bigint NOT NULL,
	external_reference uuid,
	candidates         bigint NOT NULL,
	detail             text
);
CREATE INDEX picked_by_record ON pg_temp.picked (record_no);

-- References that more than one record of the file names.
CREATE TEMPORARY TABLE repeated (
	external_reference uuid    NOT NULL,
	first_record       bigint  NOT NULL,
	alike              boolean NOT NULL,    -- all say the same
	says               text                 -- how often which verdict, where they do not
);
CREATE INDEX repeated_by_reference ON pg_temp.repeated (external_reference);

-- Redemptions that a newer file of the partner has answered.
CREATE TEMPORARY TABLE answered (
	redemption_id bigint NOT NULL
);

-- Every record with its outcome and, where it has one, its redemption as the ledger shows it.
CREATE TEMPORARY TABLE decided (
	record_no          bigint   NOT NULL,
	byte_offset        bigint   NOT NULL,
	byte_length        integer  NOT NULL,
	verdict            smallint NOT NULL,
	outcome            smallint NOT NULL,
	hold_reason        text,
	points             bigint,
	reference          text,
	reasons            text,
	detail             text,
	redemption_id      bigint,
	external_reference uuid,
	programme_id       bigint,
	member_id          bigint,
	redeemed_points    bigint,
	amount             bigint,
	currency           text,
	merchant           text,
	transaction_type   bigint,
	partner            text,
	redeemed_at        timestamptz
);

-- What the file does, by outcome.
CREATE TEMPORARY TABLE effect (
	outcome smallint NOT NULL,
	records bigint   NOT NULL,
	points  numeric  NOT NULL               -- of the debits, or as stated where there is none
);

-- The reversals that this file has posted ...
CREATE TEMPORARY TABLE posted (
	redemption_id bigint NOT NULL,
	reversal_id   bigint NOT NULL
);

-- ... and as the ledger shows them.
CREATE TEMPORARY TABLE reversed (
	reversal_id        bigint NOT NULL,
	external_reference uuid   NOT NULL,
	programme_id       bigint NOT NULL,
	member_id          bigint NOT NULL,
	points             bigint NOT NULL,
	redemption_id      bigint NOT NULL,
	posted_at          timestamptz NOT NULL,
	posted_by          text   NOT NULL
);
CREATE INDEX reversed_by_redemption ON pg_temp.reversed (redemption_id);

-- The decided records as leaves are made of them (reconcile/leaf_row.h).
CREATE TEMPORARY VIEW decided_rows AS
SELECT d.record_no, 0::smallint AS revision, d.byte_offset, d.byte_length, d.verdict, d.outcome,
	d.hold_reason, d.points, d.reference, d.reasons, d.detail, transaction_timestamp() AS decided_at,
	d.redemption_id, d.external_reference, d.programme_id, d.member_id, d.redeemed_points, d.amount, d.currency,
	d.merchant, d.transaction_type, d.partner, d.redeemed_at,
	v.reversal_id, v.external_reference AS reversal_reference, v.programme_id AS reversal_programme_id,
	v.member_id AS reversal_member_id, v.points AS reversal_points, v.redemption_id AS reversed_redemption_id,
	v.posted_at, v.posted_by
FROM pg_temp.decided d
LEFT JOIN pg_temp.reversed v ON v.redemption_id = d.redemption_id AND d.outcome = 2;
