-- name: name_lock
-- One owner of a delivery among all workers, gone with its session. $1: made of source and name.
SELECT pg_try_advisory_lock($1::bigint) AS mine

-- name: name_lock_holders
-- Who has that lock, where it is not ours: anybody's login may take an advisory lock, and only what one of ours holds keeps us
-- from a file. $1 as before.
SELECT coalesce(bool_or(pg_has_role(a.usesysid, 'handback_daemon', 'MEMBER')), false) AS ours, count(*) AS holders,
	coalesce(string_agg(DISTINCT pg_get_userbyid(a.usesysid), ' '), '') AS logins
FROM pg_locks l
JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
	AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND l.classid::bigint << 32 | l.objid::bigint = $1::bigint

-- name: name_unlock
-- $1 as in name_lock.sql.
SELECT pg_advisory_unlock($1::bigint)

-- name: keep_rules
-- $1: the profile's text, in hex. It and the decision tables are there for whoever asks later by which rules a file was judged.
SELECT handback.keep_rules(decode($1::text, 'hex'))

-- name: file_known
-- What was delivered before with these bytes?
-- $1 SHA-256 (hex), $2 source, $3 name (hex), $4 when the partner's file last changed (µs since 1970), $5 partner, $6 profile,
-- $7 what its name states. No row, or the one that says most:
--   resume     this delivery was decided, and is not yet archived
--   orphan     this delivery was archived, and its original could not be removed then
--   duplicate  the same file (partner, profile, bytes, statement) is posted and not void, or waits as a whole
--   again      the same file came before, and was closed or called void: the last time that it was decided
--   bytes      another file has the same bytes: of another partner or profile, or under a name that states something else
SELECT k.kind, f.file_id, f.state::text, f.hold_reason, f.records,
	(extract(epoch FROM f.decided_at) * 1000000)::bigint AS decided_at
FROM handback.file f
JOIN handback.partner p USING (partner_id)
CROSS JOIN LATERAL (SELECT
	CASE
		WHEN f.release_of IS NULL AND f.source = $2::text AND f.name = decode($3::text, 'hex') AND f.archived_at IS NULL THEN 1
		WHEN f.release_of IS NULL AND f.source = $2::text AND f.name = decode($3::text, 'hex')
			AND timestamptz 'epoch' + $4::bigint * interval '1 microsecond' < f.decided_at THEN 2
		WHEN (p.code, f.profile, f.statement) <> ($5::text, $6::text, $7::text) THEN 5
		WHEN handback.file_counts(f) THEN 3
		WHEN f.state <> 'duplicate' AND f.release_of IS NULL THEN 4
		ELSE 5
	END AS rank) r
CROSS JOIN LATERAL (SELECT (ARRAY['resume', 'orphan', 'duplicate', 'again', 'bytes'])[r.rank] AS kind) k
WHERE f.sha256 = decode($1::text, 'hex')
ORDER BY r.rank, CASE WHEN r.rank < 4 THEN f.file_id ELSE -f.file_id END
LIMIT 1

-- name: file_archived
-- The bytes are where they stay. $1 file, $2 path below the spool. Once.
UPDATE handback.file SET archived_at = clock_timestamp(), archived_as = $2::text
WHERE file_id = $1::bigint AND archived_at IS NULL

-- name: file_not_archived
-- Files that were decided and whose archiving is not recorded: few, after a crash. $1 SHA-256 (hex), or NULL for all.
SELECT file_id, encode(sha256, 'hex') AS sha256, state::text, (extract(epoch FROM decided_at) * 1000000)::bigint AS decided_at
FROM handback.file
WHERE archived_at IS NULL AND ($1::text IS NULL OR sha256 = decode($1::text, 'hex'))
ORDER BY file_id

-- name: work_tables
-- The session's own tables: what one file is, while it is decided. Never seen by anybody else.
--
-- One script, run once for a connection. Not ON COMMIT DELETE ROWS: that rebuilds the tables' TOAST indexes at every
-- commit and with them every plan, some twenty milliseconds for each file. work_clear.sql empties them instead.

SET LOCAL synchronous_commit = off; -- nothing of this outlives the session: no disk and no standby is waited for
SET join_collapse_limit = 1;     -- joins run as they are written: from the file's records outwards

-- The records as the parser reported them; see lib/protocol/record.h. Filled by stage_copy.sql.
CREATE TEMPORARY TABLE stage (
	record_no          bigint   NOT NULL,
	byte_offset        bigint   NOT NULL,
	byte_length        integer  NOT NULL,
	verdict            smallint NOT NULL,   -- what the partner said
	effective_verdict  smallint NOT NULL,   -- what its reason codes make of that
	maybe_duplicate    boolean  NOT NULL,   -- an earlier record may have the same external_reference
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
	change             text,
	record_id          text,                -- the partner's name of the record
	replaces           text,                -- the record that it is said to replace: by its name, or ...
	replaces_file      text,                -- ... by the number of its file
	replaces_record    text                 -- ... and its own there
);

-- What a match key found for a record; only where the profile has other keys than our external_reference.
CREATE TEMPORARY TABLE candidate (
	record_no          bigint NOT NULL,
	key_no             smallint NOT NULL,
	external_reference uuid   NOT NULL,
	shown              text                 -- how it is told where another reference than the record's rules it out
);

-- The one that was found, or NULL and how many there were.
CREATE TEMPORARY TABLE picked (
	record_no          bigint NOT NULL,
	external_reference uuid,
	candidates         bigint NOT NULL,
	detail             text,
	-- only of redemptions that are answered in parts or as a group: why it is held, or what becomes of it beside the one that answers
	-- for all of them (whole), and how that is told
	part_reason        text,
	part_outcome       smallint,
	whole              boolean,
	part_detail        text,
	-- only of corrections, and of what one replaces: how that is told
	correction         text,
	corrects           boolean,
	correction_repeats boolean
);
CREATE INDEX picked_by_record ON pg_temp.picked (record_no);

-- References that more than one record of the file names.
CREATE TEMPORARY TABLE duplicates (
	external_reference uuid    NOT NULL,
	first_record       bigint  NOT NULL,
	identical          boolean NOT NULL,    -- all of them agree
	conflict           text                -- which verdicts or records, where they differ
);
CREATE INDEX duplicates_by_reference ON pg_temp.duplicates (external_reference);

-- The parts of redemptions that the file brings, and no earlier one did.
CREATE TEMPORARY TABLE answer_part (
	record_no     bigint  NOT NULL,
	redemption_id bigint  NOT NULL,
	part          text,                -- NULL: known by its line
	points        bigint  NOT NULL,
	rejected      boolean NOT NULL
);

-- The redemptions that are answered by records of groups, and how.
CREATE TEMPORARY TABLE grouped (
	record_no     bigint   NOT NULL,
	redemption_id bigint   NOT NULL,
	outcome       smallint NOT NULL,
	points        bigint   NOT NULL
);

-- Records that replace an earlier one; and (met) those that are replaced by one that came before them.
CREATE TEMPORARY TABLE correction (
	record_no     bigint  NOT NULL,
	met           boolean NOT NULL,
	named         text,
	named_file    bigint,
	named_record  bigint,
	stated        bytea,               -- hash of all that it states; NULL: it repeats one
	other_file    bigint,
	other_record  bigint,
	reason        text,                -- why it is held; NULL: the verdict table decides
	repeats       boolean NOT NULL,
	told          text    NOT NULL
);

-- Redemptions that a newer file of the partner has answered.
CREATE TEMPORARY TABLE answered (
	redemption_id bigint NOT NULL
);

-- Of a file that is read again (reconcile/rematch/rematch.h): the records whose redemption is there now, as decided.
CREATE TEMPORARY TABLE decided (
	record_no       bigint   NOT NULL,
	verdict         smallint NOT NULL,
	outcome         smallint NOT NULL,
	byte_length     integer  NOT NULL,
	byte_offset     bigint   NOT NULL,
	redemption_id   bigint,              -- of a hold perhaps none: several match
	redeemed_points bigint,
	points          bigint,
	hold_reason     text,                -- what was found does not fit: why
	reference       text,
	reasons         text,
	detail          text
);

-- name: refresh_statistics
-- After a large file, and when a connection is new.
SELECT handback.refresh_statistics()

-- name: work_truncate
-- Between two files, now and then and after a large one: gives back what work_clear.sql leaves behind.
TRUNCATE pg_temp.stage, pg_temp.candidate, pg_temp.picked, pg_temp.duplicates, pg_temp.answer_part, pg_temp.grouped, pg_temp.correction, pg_temp.answered, pg_temp.decided
