-- The session's own tables: what one file is, while it is decided. Never seen by anybody else.
--
-- One script, run once for a connection. Not ON COMMIT DELETE ROWS: that rebuilds the tables' TOAST indexes at every
-- commit and with them every plan, some twenty milliseconds for each file. work_clear.sql empties them instead.

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

-- Of a file that is read again (reconcile/later.h): the records that have their redemption now, as decided.
CREATE TEMPORARY TABLE decided (
	record_no       bigint   NOT NULL,
	verdict         smallint NOT NULL,
	outcome         smallint NOT NULL,
	byte_length     integer  NOT NULL,
	byte_offset     bigint   NOT NULL,
	redemption_id   bigint   NOT NULL,
	redeemed_points bigint   NOT NULL,
	points          bigint,
	reference       text,
	reasons         text,
	detail          text
);
