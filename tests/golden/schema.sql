-- as PostgreSQL 15 dumps it
CREATE SCHEMA audit;

ALTER SCHEMA audit OWNER TO handback_owner;

COMMENT ON SCHEMA audit IS 'The proof: one chain of heads over everything that was decided';

CREATE SCHEMA handback;

ALTER SCHEMA handback OWNER TO handback_owner;

COMMENT ON SCHEMA handback IS 'What partners delivered, what they said of each redemption, and what was done with it';

CREATE SCHEMA handback_schema;

ALTER SCHEMA handback_schema OWNER TO handback_owner;

COMMENT ON SCHEMA handback_schema IS 'Which migrations this database has had, and what they share';

CREATE SCHEMA ledger;

ALTER SCHEMA ledger OWNER TO handback_owner;

COMMENT ON SCHEMA ledger IS 'The points: programmes, members, entries, balances; and the contract by which handback knows them';

CREATE TYPE handback.file_state AS ENUM (
    'posted',
    'held',
    'duplicate'
);

ALTER TYPE handback.file_state OWNER TO handback_owner;

CREATE TYPE ledger.category AS ENUM (
    'Credit By Accrual',
    'Debit By Redemption',
    'Redemption Reversal',
    'Redemption Reinstatement'
);

ALTER TYPE ledger.category OWNER TO handback_owner;

CREATE TYPE ledger.member_status AS ENUM (
    'Active',
    'Inactive',
    'Suspended',
    'Blocked',
    'Cancelled'
);

ALTER TYPE ledger.member_status OWNER TO handback_owner;

CREATE FUNCTION audit.append_act(what text, subject text, why text DEFAULT NULL::text, detail text DEFAULT NULL::text, leaves bigint DEFAULT 0, root bytea DEFAULT sha256('\x'::bytea)) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
	last record;
	act bigint := nextval('audit.act_act_id_seq');
	this timestamptz := clock_timestamp();
	said text;
BEGIN
	SELECT * INTO last FROM audit.chain_end();
	said := format(E'handback-head-1\nprevious\t%s\nhead_no\t%s\nmade_at\t%s\ntree_size\t%s\nroot\t%s\nact\t%s\n'
		'at\t%s\nwho\t%s\nwhat\t%s\nsubject\t%s\nwhy\t%s\ndetail\t%s\n',
		encode(last.head_hash, 'hex'), last.head_no + 1, audit.microseconds(this), leaves, encode(root, 'hex'), act,
		audit.microseconds(this), audit.escaped(session_user::text), audit.escaped(what), audit.escaped(subject),
		audit.escaped(why), audit.escaped(detail));
	INSERT INTO audit.act (act_id, head_no, at, what, subject, why, detail)
	VALUES (act, last.head_no + 1, this, what, subject, why, detail);
	INSERT INTO audit.head (head_no, tree_size, root, head_text, head_hash, previous, made_at)
	VALUES (last.head_no + 1, leaves, root, said, sha256(convert_to(said, 'UTF8')), last.head_hash, this);
	RETURN act;
END
$$;

ALTER FUNCTION audit.append_act(what text, subject text, why text, detail text, leaves bigint, root bytea) OWNER TO handback_owner;

COMMENT ON FUNCTION audit.append_act(what text, subject text, why text, detail text, leaves bigint, root bytea) IS 'Writes an act of this session''s login and its head at the end of the chain; gives the act''s number';

CREATE FUNCTION audit.at_of(number bigint) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT at FROM audit.act WHERE act_id = number
$$;

ALTER FUNCTION audit.at_of(number bigint) OWNER TO handback_owner;

COMMENT ON FUNCTION audit.at_of(number bigint) IS 'When an act was';

CREATE FUNCTION audit.chain_end() RETURNS TABLE(head_no bigint, head_hash bytea)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('handback audit.head', 0));
	RETURN QUERY SELECT h.head_no, h.head_hash FROM audit.head h ORDER BY h.head_no DESC LIMIT 1;
	IF NOT FOUND THEN
		RETURN QUERY SELECT 0::bigint, decode(repeat('00', 32), 'hex');
	END IF;
END
$$;

ALTER FUNCTION audit.chain_end() OWNER TO handback_owner;

COMMENT ON FUNCTION audit.chain_end() IS 'Locks the chain and gives its last head: number and hash, or 0 and zeros';

CREATE FUNCTION audit.check_file_has_head() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM audit.head WHERE file_id = NEW.file_id) THEN
		RAISE EXCEPTION 'file % has no audit.head', NEW.file_id USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NULL;
END
$$;

ALTER FUNCTION audit.check_file_has_head() OWNER TO handback_owner;

CREATE FUNCTION audit.check_head() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	last record;
	begins text;
BEGIN
	SELECT * INTO last FROM audit.chain_end();
	IF NEW.head_no <> last.head_no + 1 OR NEW.previous <> last.head_hash THEN
		RAISE EXCEPTION 'head % does not follow head %, the end of the chain', NEW.head_no, last.head_no
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	begins := format(E'handback-head-1\nprevious\t%s\nhead_no\t%s\n', encode(NEW.previous, 'hex'), NEW.head_no);
	IF NOT starts_with(NEW.head_text, begins)
			OR strpos(NEW.head_text, format(E'\ntree_size\t%s\nroot\t%s\n', NEW.tree_size, encode(NEW.root, 'hex'))) = 0
			OR (NEW.file_id IS NOT NULL AND strpos(NEW.head_text, format(E'\nfile\t%s\n', NEW.file_id)) = 0)
			OR (NEW.file_id IS NULL AND strpos(NEW.head_text, E'\nact\t') = 0) THEN
		RAISE EXCEPTION 'the text of head % does not say what its columns say', NEW.head_no
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	IF NEW.head_hash <> sha256(convert_to(NEW.head_text, 'UTF8')) THEN
		RAISE EXCEPTION 'the hash of head % is not that of its text', NEW.head_no
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NEW;
END
$$;

ALTER FUNCTION audit.check_head() OWNER TO handback_owner;

COMMENT ON FUNCTION audit.check_head() IS 'Trigger: a head follows the last one, says what its columns say, and has the hash of its text';

CREATE FUNCTION audit.escaped(value text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT replace(replace(replace(replace(coalesce(value, ''), '\', '\\'), E'\t', '\t'), E'\n', '\n'), E'\r', '\r')
$$;

ALTER FUNCTION audit.escaped(value text) OWNER TO handback_owner;

COMMENT ON FUNCTION audit.escaped(value text) IS 'Backslash, TAB, newline and carriage return as \\, \t, \n, \r; empty for NULL';

CREATE FUNCTION audit.merkle_root(leaves bytea[]) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	n integer := cardinality(leaves);
	half integer := 1;
BEGIN
	IF n = 0 THEN
		RETURN sha256('');
	ELSIF n = 1 THEN
		RETURN leaves[1];
	END IF;
	WHILE half * 2 < n LOOP
		half := half * 2;
	END LOOP;
	RETURN sha256('\x01'::bytea || audit.merkle_root(leaves[1:half]) || audit.merkle_root(leaves[half + 1:n]));
END
$$;

ALTER FUNCTION audit.merkle_root(leaves bytea[]) OWNER TO handback_owner;

COMMENT ON FUNCTION audit.merkle_root(leaves bytea[]) IS 'The root of the RFC 6962 tree over leaf hashes, in their order';

CREATE FUNCTION audit.microseconds(at timestamp with time zone) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT round(extract(epoch FROM at) * 1000000)::bigint
$$;

ALTER FUNCTION audit.microseconds(at timestamp with time zone) OWNER TO handback_owner;

COMMENT ON FUNCTION audit.microseconds(at timestamp with time zone) IS 'Since 1970 UTC';

CREATE FUNCTION handback.answers_due_before(days integer, zone text, now timestamp with time zone DEFAULT transaction_timestamp(), holidays date[] DEFAULT '{}'::date[]) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT max((d.day + 1)::timestamp AT TIME ZONE zone)
	FROM (SELECT (now AT TIME ZONE zone)::date - back AS day FROM generate_series(0, 7 + days * 2 + cardinality(holidays)) back) d
	WHERE handback.business_days_after(d.day::timestamp AT TIME ZONE zone, days, zone, holidays) <= now
$$;

ALTER FUNCTION handback.answers_due_before(days integer, zone text, now timestamp with time zone, holidays date[]) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.answers_due_before(days integer, zone text, now timestamp with time zone, holidays date[]) IS 'Redemptions from before this moment are overdue where an answer is expected within so many business days';

CREATE FUNCTION handback.approve(proposal bigint, comment text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
	p handback.proposal := handback.open_proposal(proposal);
	h handback.hold;
	o handback.outcome;
	made handback.outcome[] := '{}';
	leaves bytea[] := '{}';
	chosen bigint[] := ARRAY(SELECT hold_id FROM handback.proposal_hold WHERE proposal_id = proposal);
	about bigint;
	hold_before bigint;
	about_before bigint;
	against text;
	act bigint;
BEGIN
	PERFORM handback.lock_partners(chosen);
	FOR h IN SELECT l.* FROM handback.lock_holds(chosen) l
		ORDER BY coalesce(p.redemption_id, l.redemption_id), l.hold_id LOOP
		about := coalesce(p.redemption_id, h.redemption_id);
		IF p.decision <> 'close' AND about = about_before THEN
			RAISE EXCEPTION 'holds % and % are of one redemption, %: propose one of them, and close the other',
				hold_before, h.hold_id, about USING ERRCODE = 'object_not_in_prerequisite_state';
		END IF;
		hold_before := h.hold_id;
		about_before := about;
		against := handback.why_not(p.decision, h, about);
		IF against IS NOT NULL THEN
			RAISE EXCEPTION 'hold %: %', h.hold_id, against USING ERRCODE = 'object_not_in_prerequisite_state';
		END IF;
		IF h.record_no IS NOT NULL THEN
			made := made || handback.decided_row(p.decision, h, about);
		END IF;
	END LOOP;
	leaves := ARRAY(SELECT (m).leaf_hash FROM unnest(made) m ORDER BY (m).file_id, (m).record_no, (m).revision);
	act := audit.append_act('approved', 'proposal ' || proposal, comment,
		format('%s %s holds of %s points, proposed by %s', p.decision, p.holds, p.points, p.proposed_by),
		cardinality(leaves), audit.merkle_root(leaves));
	FOREACH o IN ARRAY made LOOP
		o.act_id := act;
		INSERT INTO handback.outcome SELECT o.*;
	END LOOP;
	INSERT INTO handback.hold_end (hold_id, ended_at, how)
	SELECT hold_id, audit.at_of(act), CASE p.decision WHEN 'confirm' THEN 'confirmed' WHEN 'reverse' THEN 'reversed'
		WHEN 'reinstate' THEN 'reinstated' WHEN 'release' THEN 'released' ELSE 'closed' END
	FROM handback.proposal_hold WHERE proposal_id = proposal;
	INSERT INTO handback.proposal_end (proposal_id, proposed_by, how, why, ended_at, act_id)
	VALUES (proposal, p.proposed_by, 'approved', comment, audit.at_of(act), act);
	RETURN act;
END
$$;

ALTER FUNCTION handback.approve(proposal bigint, comment text) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.approve(proposal bigint, comment text) IS 'Does what was proposed, all of it or nothing; never by the one who proposed it. Gives the act''s number';

CREATE FUNCTION handback.assign_hold(hold bigint, to_whom text, comment text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	act bigint;
BEGIN
	PERFORM handback.lock_holds(ARRAY[hold]);
	act := audit.append_act('assigned', 'hold ' || hold, comment, to_whom);
	INSERT INTO handback.hold_note (hold_id, at, assigned, comment, act_id)
	VALUES (hold, audit.at_of(act), to_whom, comment, act);
	RETURN act;
END
$$;

ALTER FUNCTION handback.assign_hold(hold bigint, to_whom text, comment text) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.assign_hold(hold bigint, to_whom text, comment text) IS 'Gives a hold to somebody to look into; gives the act''s number';

CREATE FUNCTION handback.business_days_after(at timestamp with time zone, days integer, zone text, holidays date[] DEFAULT '{}'::date[]) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT (d.day + 1)::timestamp AT TIME ZONE zone
	FROM (
		SELECT day::date, row_number() OVER (ORDER BY day) AS n
		FROM generate_series((at AT TIME ZONE zone)::date + 1,
			(at AT TIME ZONE zone)::date + 7 + days * 2 + cardinality(holidays), interval '1 day') day
		WHERE extract(isodow FROM day) < 6 AND day::date <> ALL (holidays)) d
	WHERE d.n = greatest(days, 1)
$$;

ALTER FUNCTION handback.business_days_after(at timestamp with time zone, days integer, zone text, holidays date[]) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.business_days_after(at timestamp with time zone, days integer, zone text, holidays date[]) IS 'The end of the so-manieth business day (at least the first) after the day of a moment, in a zone';

CREATE FUNCTION handback.check_archived() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	expected handback.file := OLD;
BEGIN
	expected.archived_at := NEW.archived_at;
	expected.archived_as := NEW.archived_as;
	IF OLD.archived_at IS NOT NULL OR NEW.archived_at IS NULL OR NEW IS DISTINCT FROM expected THEN
		RAISE EXCEPTION 'UPDATE on handback.file is refused: only archived_at and archived_as, and once'
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	RETURN NEW;
END
$$;

ALTER FUNCTION handback.check_archived() OWNER TO handback_owner;

CREATE FUNCTION handback.check_holds() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
	IF EXISTS (SELECT FROM (SELECT DISTINCT reason FROM opened) o
			WHERE NOT EXISTS (SELECT FROM handback.hold_reason r WHERE r.reason = o.reason)) THEN
		RAISE EXCEPTION 'a hold has a reason that handback.hold_reason does not know'
			USING ERRCODE = 'foreign_key_violation';
	END IF;
	IF EXISTS (SELECT FROM (SELECT DISTINCT file_id FROM opened) o
			WHERE NOT EXISTS (SELECT FROM handback.file f WHERE f.file_id = o.file_id)) THEN
		RAISE EXCEPTION 'a hold has a file that handback.file does not know' USING ERRCODE = 'foreign_key_violation';
	END IF;
	RETURN NULL;
END
$$;

ALTER FUNCTION handback.check_holds() OWNER TO handback_owner;

CREATE FUNCTION handback.check_release() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
	IF NOT EXISTS (
		SELECT FROM handback.file f
		JOIN handback.hold h ON h.file_id = f.file_id AND h.record_no IS NULL
		JOIN handback.hold_end e ON e.hold_id = h.hold_id AND e.how = 'released'
		WHERE f.file_id = NEW.release_of AND f.file_id < NEW.file_id
			AND (f.partner_id, f.source, f.name, f.sha256, f.bytes, f.seen_at)
				= (NEW.partner_id, NEW.source, NEW.name, NEW.sha256, NEW.bytes, NEW.seen_at)) THEN
		RAISE EXCEPTION 'file % says that it is file %, released: that is not so', NEW.file_id, NEW.release_of
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NULL;
END
$$;

ALTER FUNCTION handback.check_release() OWNER TO handback_owner;

CREATE FUNCTION handback.check_released() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
	IF NOT EXISTS (
		SELECT FROM handback.hold h
		WHERE h.hold_id = NEW.hold_id AND h.record_no IS NULL AND (
			EXISTS (
				SELECT FROM handback.proposal_hold ph
				JOIN handback.proposal p USING (proposal_id)
				JOIN handback.proposal_end e USING (proposal_id)
				WHERE ph.hold_id = h.hold_id AND p.decision = 'release' AND e.how = 'approved')
			OR (h.reason IN ('sequence_gap', 'part_missing') AND EXISTS (SELECT FROM handback.file r WHERE r.release_of = h.file_id)))) THEN
		RAISE EXCEPTION 'hold % cannot end as released: nobody has approved that', NEW.hold_id
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NULL;
END
$$;

ALTER FUNCTION handback.check_released() OWNER TO handback_owner;

CREATE FUNCTION handback.check_removal() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM handback.unneeded_copy u WHERE u.file_id = NEW.file_id) THEN
		RAISE EXCEPTION 'the copy of file % cannot be removed: it is not archived, or something still waits for it', NEW.file_id
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NEW;
END
$$;

ALTER FUNCTION handback.check_removal() OWNER TO handback_owner;

COMMENT ON FUNCTION handback.check_removal() IS 'Trigger: only copies of handback.unneeded_copy are removed';

CREATE FUNCTION handback.check_tie_out() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	decided numeric;
BEGIN
	SELECT coalesce(sum(records), 0) INTO decided FROM handback.tie_out WHERE file_id = NEW.file_id;
	IF decided <> (CASE NEW.state WHEN 'posted' THEN NEW.records ELSE 0 END) THEN
		RAISE EXCEPTION 'file % (%) does not tie out: % records, % with an outcome',
			NEW.file_id, NEW.state, NEW.records, decided
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NULL;
END
$$;

ALTER FUNCTION handback.check_tie_out() OWNER TO handback_owner;

CREATE FUNCTION handback.comment_hold(hold bigint, comment text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	act bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM handback.hold h WHERE h.hold_id = comment_hold.hold) THEN
		RAISE EXCEPTION 'no such hold: %', hold USING ERRCODE = 'no_data_found';
	END IF;
	act := audit.append_act('commented', 'hold ' || hold, comment);
	INSERT INTO handback.hold_note (hold_id, at, comment, act_id) VALUES (hold, audit.at_of(act), comment, act);
	RETURN act;
END
$$;

ALTER FUNCTION handback.comment_hold(hold bigint, comment text) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.comment_hold(hold bigint, comment text) IS 'Says something about a hold, open or ended; gives the act''s number';

CREATE TABLE handback.term (
    term_id bigint NOT NULL,
    source text NOT NULL,
    partner text NOT NULL,
    programme text,
    profile text NOT NULL,
    lists text NOT NULL,
    order_by text NOT NULL,
    within_days integer NOT NULL,
    zone text NOT NULL,
    holidays date[] NOT NULL,
    since timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    CONSTRAINT term_lists_check CHECK ((lists = ANY (ARRAY['all'::text, 'rejects'::text, 'accepted'::text]))),
    CONSTRAINT term_order_by_check CHECK ((order_by = ANY (ARRAY['none'::text, 'sequence'::text, 'business_date'::text]))),
    CONSTRAINT term_within_days_check CHECK ((within_days >= 0))
);

ALTER TABLE handback.term OWNER TO handback_owner;

COMMENT ON TABLE handback.term IS 'By which terms a partner''s answers are awaited, each time that they were others; append-only';

COMMENT ON COLUMN handback.term.lists IS 'What the partner lists: all, rejects (silence is acceptance) or accepted (silence decides nothing)';

COMMENT ON COLUMN handback.term.within_days IS 'Business days in the zone, holidays left out, within which an answer is due; 0: not watched';

CREATE FUNCTION handback.covering_file(t handback.term, day date, over timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	WITH listing AS MATERIALIZED (
		SELECT * FROM handback.listing_files(t)
	), begins AS MATERIALIZED (
		-- the last file from before that day, or the first of all
		SELECT coalesce(
			(SELECT l.sequence FROM listing l WHERE l.decided_at <= day::timestamp AT TIME ZONE t.zone ORDER BY 1 DESC LIMIT 1),
			(SELECT min(l.sequence) - 1 FROM listing l)) AS after,
			coalesce(
			(SELECT l.run FROM listing l WHERE l.decided_at <= day::timestamp AT TIME ZONE t.zone ORDER BY l.sequence DESC LIMIT 1),
			(SELECT min(l.run) FROM listing l)) AS run
	)
	SELECT l.file_id
	FROM listing l, begins b
	WHERE CASE WHEN l.business_date IS NULL THEN l.seen_at >= over ELSE l.business_date >= (over AT TIME ZONE t.zone)::date - 1 END
		AND (t.order_by <> 'sequence' OR (l.run = b.run AND l.sequence > b.after))
		AND NOT EXISTS (
			SELECT FROM handback.expected_files e
			WHERE e.source = l.source AND e.late_at > day::timestamp AT TIME ZONE t.zone AND e.due_at <= l.seen_at
				AND e.state IN ('missing', 'overdue', 'poll_failed'))
		AND NOT EXISTS (
			SELECT FROM handback.hold_now h
			JOIN handback.file f ON f.file_id = h.file_id
			JOIN handback.partner p ON p.partner_id = f.partner_id
			WHERE p.code = t.partner AND h.redemption_id IS NULL AND f.decided_at > day::timestamp AT TIME ZONE t.zone
				AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id))
	ORDER BY l.file_id
	LIMIT 1
$$;

ALTER FUNCTION handback.covering_file(t handback.term, day date, over timestamp with time zone) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.covering_file(t handback.term, day date, over timestamp with time zone) IS 'The file from which redemptions of a day are absent for good, when nothing is missing, held or unclear before it';

CREATE TABLE handback.hold (
    hold_id bigint NOT NULL,
    file_id bigint NOT NULL,
    record_no bigint,
    reason text NOT NULL,
    redemption_id bigint,
    points bigint,
    opened_at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL
);

ALTER TABLE handback.hold OWNER TO handback_owner;

COMMENT ON TABLE handback.hold IS 'What waits, or waited, for a person; open while handback.hold_end has no row for it';

COMMENT ON COLUMN handback.hold.record_no IS 'NULL: the whole file';

COMMENT ON COLUMN handback.hold.points IS 'Of the debit; as stated where there is none';

CREATE TABLE handback.outcome (
    file_id bigint NOT NULL,
    record_no bigint NOT NULL,
    revision smallint DEFAULT 0 NOT NULL,
    verdict smallint NOT NULL,
    outcome smallint NOT NULL,
    byte_length integer NOT NULL,
    byte_offset bigint NOT NULL,
    redemption_id bigint,
    reversal_id bigint,
    points bigint,
    hold_reason text,
    reference text,
    reasons text,
    detail text,
    decided_at timestamp with time zone NOT NULL,
    act_id bigint,
    leaf_hash bytea NOT NULL,
    CONSTRAINT outcome_check CHECK (((revision > 0) = (act_id IS NOT NULL))),
    CONSTRAINT outcome_check1 CHECK (((outcome = 6) = (hold_reason IS NOT NULL))),
    CONSTRAINT outcome_check2 CHECK (((outcome <> ALL (ARRAY[1, 2, 7])) OR (redemption_id IS NOT NULL))),
    CONSTRAINT outcome_check3 CHECK ((((outcome = 2) = (reversal_id IS NOT NULL)) OR (outcome = 7))),
    CONSTRAINT outcome_leaf_hash_check CHECK ((length(leaf_hash) = 32)),
    CONSTRAINT outcome_outcome_check CHECK (((outcome >= 1) AND (outcome <= 8))),
    CONSTRAINT outcome_verdict_check CHECK (((verdict >= 1) AND (verdict <= 5)))
);

ALTER TABLE handback.outcome OWNER TO handback_owner;

COMMENT ON TABLE handback.outcome IS 'What was done with each record; append-only. In words: handback.records_in_words';

COMMENT ON COLUMN handback.outcome.record_no IS 'Normalised record, from 1, in the file''s order. 0: no record, what is absent from the file (act confirmed_by_absence)';

COMMENT ON COLUMN handback.outcome.revision IS '0: decided with its file. 1, 2, ...: decided later, by people or by a later run';

COMMENT ON COLUMN handback.outcome.verdict IS 'What the partner said: handback.verdict_name';

COMMENT ON COLUMN handback.outcome.outcome IS 'What we did: handback.outcome_name';

COMMENT ON COLUMN handback.outcome.byte_offset IS 'Where the record begins in the (unpacked) archived file';

COMMENT ON COLUMN handback.outcome.redemption_id IS 'The redemption that it is about: ledger.redemption';

COMMENT ON COLUMN handback.outcome.reversal_id IS 'The reversal that was posted for it: ledger.reversal';

COMMENT ON COLUMN handback.outcome.points IS 'As the partner stated them';

COMMENT ON COLUMN handback.outcome.reference IS 'What the record named, where it matched nothing or was not our external_reference';

COMMENT ON COLUMN handback.outcome.reasons IS 'The partner''s reason codes, space separated';

COMMENT ON COLUMN handback.outcome.detail IS 'Both values of a mismatch, a change of account, a warning';

COMMENT ON COLUMN handback.outcome.act_id IS 'Revision 1, 2, ...: the act that decided it, audit.act';

COMMENT ON COLUMN handback.outcome.leaf_hash IS 'Its leaf in the file''s Merkle tree: audit.head';

CREATE FUNCTION handback.decided_row(decision text, h handback.hold, redemption bigint) RETURNS handback.outcome
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	o handback.outcome;
BEGIN
	SELECT * INTO o FROM handback.outcome
	WHERE file_id = h.file_id AND record_no = h.record_no ORDER BY revision DESC LIMIT 1;
	o.revision := o.revision + 1;
	o.outcome := CASE decision WHEN 'confirm' THEN 1 WHEN 'reverse' THEN 2 WHEN 'reinstate' THEN 7 ELSE 8 END;
	o.hold_reason := NULL;
	o.redemption_id := redemption;
	o.reversal_id := NULL;
	o.decided_at := transaction_timestamp();
	o.detail := NULL;
	IF decision = 'reverse' THEN
		SELECT p.reversal_id INTO STRICT o.reversal_id FROM ledger.post_reversals(ARRAY[redemption]) p;
	ELSIF decision = 'reinstate' THEN
		SELECT r.reversal_id INTO STRICT o.reversal_id FROM ledger.reversal r WHERE r.redemption_id = redemption;
		SELECT 'reinstatement ' || p.reinstatement_id INTO STRICT o.detail
		FROM ledger.post_reinstatements(ARRAY[o.reversal_id]) p;
	END IF;
	o.leaf_hash := handback.leaf_hash(o);
	RETURN o;
END
$$;

ALTER FUNCTION handback.decided_row(decision text, h handback.hold, redemption bigint) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.decided_row(decision text, h handback.hold, redemption bigint) IS 'Posts what a decision about a hold posts, and gives the outcome row that says so';

CREATE FUNCTION handback.due_at(day date, minute integer, zone text) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT (day + make_interval(mins => minute)) AT TIME ZONE zone
$$;

ALTER FUNCTION handback.due_at(day date, minute integer, zone text) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.due_at(day date, minute integer, zone text) IS 'A minute of a day (0 to 1439) in a zone, whatever clocks did that day';

CREATE FUNCTION handback.fits(name text, pattern text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT name LIKE translate(regexp_replace(pattern, '([\\%_])', '\\\1', 'g'), '*?', '%_')
$$;

ALTER FUNCTION handback.fits(name text, pattern text) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.fits(name text, pattern text) IS 'Does a name fit a pattern of * (any characters) and ? (one)?';

CREATE FUNCTION handback.issue_of(wanted_source text, at timestamp with time zone, name text, OUT issue_id bigint, OUT how text) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT i.issue_id,
		CASE WHEN at > i.late_at THEN 'late' WHEN (at AT TIME ZONE i.zone)::date < i.day THEN 'early' ELSE 'on_time' END
	FROM handback.issue i
	WHERE i.source = wanted_source AND i.opens_at < at AND at - i.late_at < interval '7 days'
		AND CASE WHEN EXISTS (SELECT FROM handback.issue k WHERE k.source = wanted_source AND handback.fits(name, k.pattern))
			THEN handback.fits(name, i.pattern) ELSE i.pattern IS NULL END
		AND (SELECT count(*) FROM handback.issue_file f WHERE f.issue_id = i.issue_id) < i.files
	ORDER BY CASE WHEN at > i.late_at THEN 2 WHEN (at AT TIME ZONE i.zone)::date < i.day THEN 3 ELSE 1 END,
		CASE WHEN at <= i.late_at THEN i.due_at END, i.due_at DESC, i.issue_id
	LIMIT 1
$$;

ALTER FUNCTION handback.issue_of(wanted_source text, at timestamp with time zone, name text, OUT issue_id bigint, OUT how text) OWNER TO handback_owner;

CREATE FUNCTION handback.last_number(of_partner integer, of_profile text) RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	WITH RECURSIVE reached (n) AS (
		(SELECT f.sequence FROM handback.file f
			WHERE f.partner_id = of_partner AND f.profile = of_profile AND f.state = 'posted' AND f.sequence IS NOT NULL
			ORDER BY f.sequence DESC LIMIT 1)
		UNION
		SELECT d.sequence
		FROM reached r
		JOIN handback.file d ON d.partner_id = of_partner AND d.profile = of_profile
			AND d.sequence = CASE WHEN r.n < 9223372036854775807 THEN r.n + 1 END
		WHERE d.state = 'duplicate' AND EXISTS (
			SELECT FROM handback.file x
			WHERE x.sha256 = d.sha256 AND x.partner_id = of_partner AND x.profile = of_profile AND x.state = 'posted'))
	SELECT max(n) FROM reached
$$;

ALTER FUNCTION handback.last_number(of_partner integer, of_profile text) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.last_number(of_partner integer, of_profile text) IS 'The number up to which the files of a partner and profile have been decided';

CREATE FUNCTION handback.leaf(o handback.outcome) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT array_to_string(ARRAY(
		SELECT audit.escaped(l.field) FROM unnest(ARRAY['handback-leaf-1',
			encode(f.sha256, 'hex'), o.record_no::text, o.revision::text, o.byte_offset::text, o.byte_length::text,
			v.name, n.name, o.hold_reason, o.points::text, o.reference, o.reasons, o.detail,
			audit.microseconds(o.decided_at)::text,
			d.redemption_id::text, d.external_reference::text, d.programme_id::text, d.member_id::text, d.points::text,
			d.amount::text, d.currency, d.merchant, d.transaction_type::text, d.partner,
			audit.microseconds(d.redeemed_at)::text,
			r.reversal_id::text, r.external_reference::text, r.programme_id::text, r.member_id::text, r.points::text,
			r.redemption_id::text, audit.microseconds(r.posted_at)::text, r.posted_by])
			WITH ORDINALITY AS l (field, place)
		ORDER BY l.place), E'\t')
	FROM handback.file f
	JOIN handback.verdict_name v ON v.verdict = o.verdict
	JOIN handback.outcome_name n ON n.outcome = o.outcome
	LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
	LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
	WHERE f.file_id = o.file_id
$$;

ALTER FUNCTION handback.leaf(o handback.outcome) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.leaf(o handback.outcome) IS 'The line whose hash with a zero byte before it is leaf_hash, made from the tables now';

CREATE FUNCTION handback.leaf_hash(o handback.outcome) RETURNS bytea
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT sha256('\x00'::bytea || convert_to(handback.leaf(o), 'UTF8'))
$$;

ALTER FUNCTION handback.leaf_hash(o handback.outcome) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.leaf_hash(o handback.outcome) IS 'What leaf_hash has to be, by the tables now';

CREATE FUNCTION handback.let_pass(released bigint) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	WITH RECURSIVE held AS (
		SELECT f.release_of, f.hold_reason FROM handback.file f WHERE f.file_id = released
		UNION ALL
		SELECT b.release_of, b.hold_reason FROM held JOIN handback.file b ON b.file_id = held.release_of)
	SELECT array_agg(hold_reason) FROM held
$$;

ALTER FUNCTION handback.let_pass(released bigint) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.let_pass(released bigint) IS 'What a held file, and those that it was released from, were held for';

CREATE FUNCTION handback.listing_files(t handback.term) RETURNS TABLE(file_id bigint, source text, sequence bigint, business_date date, seen_at timestamp with time zone, decided_at timestamp with time zone, run bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT f.file_id, f.source, f.sequence, f.business_date, f.seen_at, f.decided_at,
		f.sequence - dense_rank() OVER (ORDER BY f.sequence)
	FROM handback.file f
	JOIN handback.partner p USING (partner_id)
	WHERE p.code = t.partner AND f.profile = t.profile AND (t.order_by <> 'sequence' OR f.sequence IS NOT NULL)
		AND f.state = 'posted' AND (f.release_of IS NULL OR 'test_file' <> ALL (handback.let_pass(f.release_of)))
$$;

ALTER FUNCTION handback.listing_files(t handback.term) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.listing_files(t handback.term) IS 'The files by which it can be told what a partner did not list';

CREATE FUNCTION handback.lock_holds(wanted bigint[]) RETURNS SETOF handback.hold
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	ended bigint;
	there bigint;
BEGIN
	-- a hold is never updated: what two people could do at once is to end it, in the order of the numbers
	PERFORM pg_advisory_xact_lock(hashtextextended('handback.hold ' || hold_id, 0))
	FROM (SELECT DISTINCT unnest(wanted) AS hold_id ORDER BY 1) w;
	SELECT count(*) INTO there FROM handback.hold WHERE hold_id = ANY (wanted);
	IF there = 0 OR there < (SELECT count(DISTINCT w) FROM unnest(wanted) w) THEN
		RAISE EXCEPTION 'no such hold among %', wanted USING ERRCODE = 'no_data_found';
	END IF;
	SELECT min(hold_id) INTO ended FROM handback.hold_end WHERE hold_id = ANY (wanted);
	IF ended IS NOT NULL THEN
		RAISE EXCEPTION 'hold % has ended', ended USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	RETURN QUERY SELECT * FROM handback.hold_now WHERE hold_id = ANY (wanted) ORDER BY hold_id;
END
$$;

ALTER FUNCTION handback.lock_holds(wanted bigint[]) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.lock_holds(wanted bigint[]) IS 'The open holds of these numbers, kept from others until the transaction ends';

CREATE FUNCTION handback.lock_partners(wanted bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(x'68616e64'::integer, place)
	FROM (
		SELECT DISTINCT hashtext(p.code) AS place
		FROM handback.hold h
		JOIN handback.file f ON f.file_id = h.file_id
		JOIN handback.partner p ON p.partner_id = f.partner_id
		WHERE h.hold_id = ANY (wanted)
		ORDER BY 1) w;
END
$$;

ALTER FUNCTION handback.lock_partners(wanted bigint[]) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.lock_partners(wanted bigint[]) IS 'Keeps files of the holds'' partners from being decided until the transaction ends';

CREATE FUNCTION handback.make_issues(wanted_source text, wanted_kind text, wanted_zone text, due_minute integer, week_days integer, grace_minutes integer, wanted_files integer, now timestamp with time zone DEFAULT transaction_timestamp(), wanted_pattern text DEFAULT NULL::text, wanted_empty boolean DEFAULT false, holidays date[] DEFAULT '{}'::date[]) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	today date := (now AT TIME ZONE wanted_zone)::date;
	one date;
	before timestamptz;
	due timestamptz;
	late timestamptz;
	made bigint := 0;
BEGIN
	SELECT max(i.day) + 1, max(i.late_at) INTO one, before
	FROM handback.issue i WHERE i.source = wanted_source AND i.kind = wanted_kind;
	one := coalesce(one, today);
	WHILE one <= today + 1 LOOP
		IF week_days & (1 << (extract(isodow FROM one)::integer - 1)) <> 0 AND one <> ALL (holidays) THEN
			due := handback.due_at(one, due_minute, wanted_zone);
			late := due + make_interval(mins => grace_minutes);
			-- the one before, made when the profile said another time, may be late only after this one
			IF before IS NULL OR before >= late THEN
				before := handback.due_at(one, 0, wanted_zone) - interval '1 day';
			END IF;
			INSERT INTO handback.issue (source, kind, day, zone, opens_at, due_at, late_at, files, pattern, empty)
			VALUES (wanted_source, wanted_kind, one, wanted_zone, before, due, late, wanted_files, wanted_pattern, wanted_empty)
			ON CONFLICT DO NOTHING;
			before := late;
			made := made + 1;
		END IF;
		one := one + 1;
	END LOOP;
	RETURN made;
END
$$;

ALTER FUNCTION handback.make_issues(wanted_source text, wanted_kind text, wanted_zone text, due_minute integer, week_days integer, grace_minutes integer, wanted_files integer, now timestamp with time zone, wanted_pattern text, wanted_empty boolean, holidays date[]) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.make_issues(wanted_source text, wanted_kind text, wanted_zone text, due_minute integer, week_days integer, grace_minutes integer, wanted_files integer, now timestamp with time zone, wanted_pattern text, wanted_empty boolean, holidays date[]) IS 'Writes down which files a source expects up to tomorrow; week_days: bit 0 Monday to bit 6 Sunday; none on holidays';

CREATE TABLE handback.proposal (
    proposal_id bigint NOT NULL,
    decision text NOT NULL,
    why text NOT NULL,
    redemption_id bigint,
    holds bigint NOT NULL,
    points numeric NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    proposed_by text DEFAULT SESSION_USER NOT NULL,
    act_id bigint NOT NULL,
    CONSTRAINT proposal_decision_check CHECK ((decision = ANY (ARRAY['confirm'::text, 'reverse'::text, 'reinstate'::text, 'close'::text, 'release'::text]))),
    CONSTRAINT proposal_holds_check CHECK ((holds > 0)),
    CONSTRAINT proposal_why_check CHECK ((why ~ '\S'::text))
);

ALTER TABLE handback.proposal OWNER TO handback_owner;

COMMENT ON TABLE handback.proposal IS 'What one person proposes to do about one or more holds; append-only';

COMMENT ON COLUMN handback.proposal.redemption_id IS 'Which redemption is meant, for a record that names none of ours';

COMMENT ON COLUMN handback.proposal.points IS 'Of the debits, or as stated, of all its holds';

CREATE FUNCTION handback.open_proposal(proposal bigint) RETURNS handback.proposal
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
	p handback.proposal;
	ended handback.proposal_end;
BEGIN
	SELECT * INTO p FROM handback.proposal WHERE proposal_id = proposal;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such proposal: %', proposal USING ERRCODE = 'no_data_found';
	END IF;
	SELECT * INTO ended FROM handback.proposal_end WHERE proposal_id = proposal;
	IF FOUND THEN
		RAISE EXCEPTION 'proposal % was % by %', proposal, ended.how, ended.ended_by
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	RETURN p;
END
$$;

ALTER FUNCTION handback.open_proposal(proposal bigint) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.open_proposal(proposal bigint) IS 'The proposal, when nobody has answered it yet';

CREATE FUNCTION handback.overdue_answers(t handback.term, now timestamp with time zone DEFAULT transaction_timestamp()) RETURNS TABLE(redemption_id bigint, external_reference uuid, points bigint, redeemed_at timestamp with time zone, due_at timestamp with time zone, said text, file_id bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	WITH late AS MATERIALIZED (
		SELECT r.redemption_id, r.external_reference, r.outbound_reference, r.partner_reference, r.points, r.redeemed_at,
			(r.redeemed_at AT TIME ZONE t.zone)::date AS day
		FROM ledger.redemption r
		WHERE t.within_days > 0 AND r.partner = t.partner AND (t.programme IS NULL OR r.programme = t.programme)
			AND r.redeemed_at < handback.answers_due_before(t.within_days, t.zone, now, t.holidays)
			AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.redemption_id)
			AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = r.redemption_id AND o.outcome = 1)
	), due AS MATERIALIZED (
		SELECT d.day, w.over, handback.covering_file(t, d.day, w.over) AS file_id
		FROM (SELECT DISTINCT day FROM late) d
		CROSS JOIN LATERAL (SELECT handback.business_days_after(d.day::timestamp AT TIME ZONE t.zone, t.within_days, t.zone,
			t.holidays) AS over) w
	), early AS MATERIALIZED (
		-- records that matched none when they came
		SELECT DISTINCT ON (l.redemption_id) l.redemption_id, o.verdict
		FROM late l
		CROSS JOIN LATERAL (VALUES (l.external_reference::text), (l.outbound_reference), (l.partner_reference)) r (reference)
		JOIN handback.outcome o ON o.reference = r.reference AND o.redemption_id IS NULL AND o.outcome NOT IN (1, 2, 7)
		JOIN handback.file f ON f.file_id = o.file_id
		JOIN handback.partner p ON p.partner_id = f.partner_id AND p.code = t.partner
		ORDER BY l.redemption_id, o.decided_at DESC, o.file_id DESC, o.record_no DESC
	), guarded AS MATERIALIZED (
		SELECT DISTINCT ON (g.redemption_id) g.redemption_id, o.verdict
		FROM handback.hold_guarded g
		JOIN handback.hold h USING (hold_id)
		JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
		WHERE g.redemption_id IN (SELECT l.redemption_id FROM late l)
		ORDER BY g.redemption_id, g.hold_id DESC
	)
	SELECT l.redemption_id, l.external_reference, l.points, l.redeemed_at, due.over,
		(SELECT v.name FROM handback.verdict_name v WHERE v.verdict = coalesce(
			(SELECT o.verdict FROM handback.outcome o
				WHERE o.redemption_id = l.redemption_id AND o.outcome NOT IN (1, 2, 7)
				ORDER BY o.decided_at DESC, o.file_id DESC, o.record_no DESC LIMIT 1), guarded.verdict, early.verdict)),
		due.file_id
	FROM late l JOIN due USING (day) LEFT JOIN early USING (redemption_id) LEFT JOIN guarded USING (redemption_id)
$$;

ALTER FUNCTION handback.overdue_answers(t handback.term, now timestamp with time zone) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.overdue_answers(t handback.term, now timestamp with time zone) IS 'Redemptions that are open after the time in which a partner should have answered';

CREATE FUNCTION handback.parts_there(of_partner integer, of_profile text, of_set text) RETURNS TABLE(file_id bigint, part bigint, parts bigint, posted boolean)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT f.file_id, f.part, f.parts, f.state = 'posted'
	FROM handback.file f
	WHERE f.partner_id = of_partner AND f.profile = of_profile AND f.part_set = of_set AND (f.state = 'posted'
		OR f.hold_reason IN ('part_missing', 'sequence_gap', 'guard') AND NOT EXISTS (
			SELECT FROM handback.hold h JOIN handback.hold_end e USING (hold_id)
			WHERE h.file_id = f.file_id AND h.record_no IS NULL))
$$;

ALTER FUNCTION handback.parts_there(of_partner integer, of_profile text, of_set text) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.parts_there(of_partner integer, of_profile text, of_set text) IS 'The parts of a set of files that have come, and whether they are posted';

CREATE FUNCTION handback.place_files(wanted_source text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	came record;
	placed bigint := 0;
BEGIN
	FOR came IN
		SELECT f.file_id, f.seen_at, f.name_shown FROM handback.file f
		WHERE f.source = wanted_source AND f.state <> 'duplicate' AND f.release_of IS NULL
			AND f.seen_at > (SELECT min(i.opens_at) FROM handback.issue i WHERE i.source = wanted_source)
			AND NOT EXISTS (SELECT FROM handback.issue_file p WHERE p.file_id = f.file_id)
		ORDER BY f.seen_at, f.file_id
	LOOP
		INSERT INTO handback.issue_file (file_id, issue_id, how)
		SELECT came.file_id, o.issue_id, coalesce(o.how, 'unexpected')
		FROM (SELECT) one LEFT JOIN handback.issue_of(wanted_source, came.seen_at, came.name_shown) o ON true
		ON CONFLICT DO NOTHING; -- the night and the metrics' survey may both be at it
		placed := placed + 1;
	END LOOP;
	RETURN placed;
END
$$;

ALTER FUNCTION handback.place_files(wanted_source text) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.place_files(wanted_source text) IS 'Finds for each file of a source which expected one it is';

CREATE FUNCTION handback.propose(holds bigint[], decision text, why text, redemption uuid DEFAULT NULL::uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
	proposal bigint := nextval('handback.proposal_proposal_id_seq');
	meant bigint;
	h handback.hold;
	against text;
	many bigint := 0;
	sum_points numeric := 0;
	act bigint;
BEGIN
	IF redemption IS NOT NULL THEN
		SELECT d.redemption_id INTO meant FROM ledger.redemption d WHERE d.external_reference = redemption;
		IF meant IS NULL THEN
			RAISE EXCEPTION 'no redemption has the external reference %', redemption USING ERRCODE = 'no_data_found';
		END IF;
		IF cardinality(holds) <> 1 THEN
			RAISE EXCEPTION 'one redemption is meant by one record: propose one hold at a time'
				USING ERRCODE = 'invalid_parameter_value';
		END IF;
	END IF;
	FOR h IN SELECT * FROM handback.lock_holds(holds) LOOP
		against := handback.why_not(decision, h, coalesce(meant, h.redemption_id));
		IF against IS NOT NULL THEN
			RAISE EXCEPTION 'hold %: %', h.hold_id, against USING ERRCODE = 'object_not_in_prerequisite_state';
		END IF;
		many := many + 1;
		sum_points := sum_points + coalesce(
			(SELECT d.points FROM ledger.redemption d WHERE d.redemption_id = coalesce(meant, h.redemption_id)), h.points, 0);
	END LOOP;
	act := audit.append_act('proposed', 'proposal ' || proposal, why,
		format('%s %s holds of %s points: %s', decision, many, sum_points,
			array_to_string(ARRAY(SELECT DISTINCT w FROM unnest(holds) w ORDER BY w), ' ')
			|| coalesce(', redemption ' || meant, '')));
	INSERT INTO handback.proposal (proposal_id, decision, why, redemption_id, holds, points, proposed_at, act_id)
	VALUES (proposal, decision, why, meant, many, sum_points, audit.at_of(act), act);
	INSERT INTO handback.proposal_hold (proposal_id, hold_id)
	SELECT DISTINCT proposal, w FROM unnest(holds) w;
	RETURN proposal;
END
$$;

ALTER FUNCTION handback.propose(holds bigint[], decision text, why text, redemption uuid) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.propose(holds bigint[], decision text, why text, redemption uuid) IS 'Proposes to confirm, reverse, reinstate, close or release these holds, with a reason; gives the proposal''s number';

CREATE FUNCTION handback.redemption_state(redemption bigint) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT CASE
		WHEN r.reinstatement_id IS NOT NULL THEN 'reinstated'
		WHEN r.reversal_id IS NOT NULL THEN 'reversed'
		WHEN EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = redemption AND o.outcome = 1) THEN 'confirmed'
		ELSE 'open'
	END
	FROM (SELECT) one
	LEFT JOIN ledger.reversal r ON r.redemption_id = redemption
$$;

ALTER FUNCTION handback.redemption_state(redemption bigint) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.redemption_state(redemption bigint) IS 'open, confirmed, reversed or reinstated';

CREATE FUNCTION handback.reject(proposal bigint, why text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
	p handback.proposal := handback.open_proposal(proposal);
	act bigint;
BEGIN
	act := audit.append_act('rejected', 'proposal ' || proposal, why,
		format('%s %s holds of %s points, proposed by %s', p.decision, p.holds, p.points, p.proposed_by));
	INSERT INTO handback.proposal_end (proposal_id, proposed_by, how, why, ended_at, act_id)
	VALUES (proposal, p.proposed_by, 'rejected', why, audit.at_of(act), act);
	RETURN act;
END
$$;

ALTER FUNCTION handback.reject(proposal bigint, why text) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.reject(proposal bigint, why text) IS 'Ends a proposal without doing it: by another, or by who made it; gives the act''s number';

CREATE FUNCTION handback.removed_at(file bigint) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT a.at FROM handback.removal r JOIN audit.act a USING (act_id) WHERE r.file_id = file
$$;

ALTER FUNCTION handback.removed_at(file bigint) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.removed_at(file bigint) IS 'When retention removed the kept copy of a file; NULL while it is kept';

CREATE FUNCTION handback.term_said(t handback.term) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT format('term %s of source %s: partner %s, programme %s, profile %s, lists %s, order_by %s, answer_within %s, zone %s,'
		' %s holidays (%s), since %s', t.term_id, t.source, t.partner, coalesce(t.programme, '(any)'), t.profile, t.lists,
		t.order_by, t.within_days, t.zone, cardinality(t.holidays),
		encode(sha256(convert_to(array_to_string(ARRAY(SELECT to_char(d, 'YYYY-MM-DD') FROM unnest(t.holidays)
			WITH ORDINALITY u (d, n) ORDER BY n), ' '), 'UTF8')), 'hex'),
		to_char(t.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'))
$$;

ALTER FUNCTION handback.term_said(t handback.term) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.term_said(t handback.term) IS 'A term in words: every column of its row, for the act of a confirmation by silence';

CREATE FUNCTION handback.why_not(decision text, h handback.hold, redemption bigint) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT CASE
		WHEN decision = 'close' THEN NULL
		WHEN decision = 'release' THEN
			CASE WHEN h.record_no IS NOT NULL THEN 'it is of a record: only a whole file can be released' END
		WHEN h.record_no IS NULL THEN 'it is of a whole file, which can only be released or closed'
		WHEN redemption IS NULL THEN 'its record names no redemption: say which is meant'
		WHEN NOT EXISTS (
			SELECT FROM ledger.redemption d
			JOIN handback.file f ON f.file_id = h.file_id
			JOIN handback.partner p ON p.partner_id = f.partner_id
			WHERE d.redemption_id = redemption AND (d.partner = p.code OR d.partner IS NULL))
			THEN format('redemption %s is not one of this partner', redemption)
		WHEN decision = 'confirm' AND s.state <> 'open' THEN format('redemption %s is %s already', redemption, s.state)
		WHEN decision = 'reverse' AND s.state NOT IN ('open', 'confirmed')
			THEN format('redemption %s is %s already, and is reversed once for ever', redemption, s.state)
		WHEN decision = 'reinstate' AND s.state <> 'reversed' THEN format('redemption %s is %s', redemption, s.state)
	END
	FROM (SELECT handback.redemption_state(redemption) AS state) s
$$;

ALTER FUNCTION handback.why_not(decision text, h handback.hold, redemption bigint) OWNER TO handback_owner;

COMMENT ON FUNCTION handback.why_not(decision text, h handback.hold, redemption bigint) IS 'Why a decision cannot be had for a hold; NULL when it can';

CREATE PROCEDURE handback_schema.make_append_only(IN relation regclass)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
		'FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change()', relation);
END
$$;

ALTER PROCEDURE handback_schema.make_append_only(IN relation regclass) OWNER TO handback_owner;

COMMENT ON PROCEDURE handback_schema.make_append_only(IN relation regclass) IS 'Puts the trigger append_only on a table';

CREATE FUNCTION handback_schema.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
	RAISE EXCEPTION '% on %.% is refused: it is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
		USING ERRCODE = 'insufficient_privilege',
			HINT = 'What was posted stays. A correction is a new row that answers the old one.';
END
$$;

ALTER FUNCTION handback_schema.refuse_change() OWNER TO handback_owner;

COMMENT ON FUNCTION handback_schema.refuse_change() IS 'Trigger: refuses UPDATE, DELETE and TRUNCATE, the owner''s too';

CREATE FUNCTION ledger.check_availability(programme text, member text, points bigint, OUT code text, OUT message text, OUT available bigint, OUT amount bigint, OUT currency text) RETURNS record
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
	p ledger.programme;
	m ledger.member;
BEGIN
	SELECT * INTO p FROM ledger.programme r WHERE r.code = check_availability.programme;
	IF NOT FOUND OR coalesce(member, '') = '' OR points IS NULL THEN
		SELECT '999', 'bad request: programme, member and points are needed' INTO code, message;
		RETURN;
	END IF;
	SELECT * INTO m FROM ledger.member r WHERE r.programme_id = p.programme_id AND r.relation_reference = member;
	SELECT w.code, w.message INTO code, message FROM ledger.why_not(m, p, check_availability.points) w;
	IF code IN ('103', '120') THEN
		RETURN;
	END IF;
	SELECT b.points, p.currency INTO available, currency FROM ledger.balance b WHERE b.member_id = m.member_id;
	IF code IS NULL AND available < check_availability.points THEN
		SELECT '302', 'insufficient points' INTO code, message;
	END IF;
	IF code IS NULL THEN
		SELECT '000', 'success', ledger.worth(check_availability.points, p.rate_points, p.rate_minor)
		INTO code, message, amount;
	END IF;
END
$$;

ALTER FUNCTION ledger.check_availability(programme text, member text, points bigint, OUT code text, OUT message text, OUT available bigint, OUT amount bigint, OUT currency text) OWNER TO handback_owner;

COMMENT ON FUNCTION ledger.check_availability(programme text, member text, points bigint, OUT code text, OUT message text, OUT available bigint, OUT amount bigint, OUT currency text) IS 'May this member redeem so many points now, and what are they worth? Promises nothing for later';

CREATE FUNCTION ledger.check_posted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
	wrong   bigint;
	members bigint;
	moved   bigint;
BEGIN
	SELECT p.entry_id INTO wrong
	FROM posted p LEFT JOIN ledger.member m ON m.member_id = p.member_id
	WHERE p.answers_entry_id IS NULL AND m.programme_id IS DISTINCT FROM p.programme_id
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'entry % names no member of its programme', wrong USING ERRCODE = 'foreign_key_violation';
	END IF;

	SELECT p.entry_id INTO wrong
	FROM posted p LEFT JOIN ledger.entry a ON a.entry_id = p.answers_entry_id
	WHERE p.answers_entry_id IS NOT NULL AND (a.entry_id IS NULL
		OR a.category <> CASE p.category WHEN 'Redemption Reversal' THEN 'Debit By Redemption'::ledger.category
			ELSE 'Redemption Reversal' END
		OR a.programme_id <> p.programme_id OR a.member_id <> p.member_id OR a.points <> p.points)
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'entry % does not agree with the entry that it answers', wrong
			USING ERRCODE = 'integrity_constraint_violation',
				HINT = 'A reversal names a redemption, a reinstatement names a reversal: same programme, member and points.';
	END IF;

	SELECT count(DISTINCT member_id) INTO members FROM posted;
	UPDATE ledger.balance b SET points = b.points + change.points
	FROM (
		SELECT member_id, sum(CASE WHEN category IN ('Credit By Accrual', 'Redemption Reversal')
			THEN points ELSE -points END)::bigint AS points
		FROM posted GROUP BY member_id ORDER BY member_id OFFSET 0) change
	WHERE b.member_id = change.member_id;
	GET DIAGNOSTICS moved = ROW_COUNT;
	IF moved <> members THEN
		RAISE EXCEPTION '% of % members have no balance', members - moved, members;
	END IF;
	RETURN NULL;
END
$$;

ALTER FUNCTION ledger.check_posted() OWNER TO handback_owner;

COMMENT ON FUNCTION ledger.check_posted() IS 'Trigger: entries name a member of their programme, answers agree with what they answer, balances follow';

CREATE FUNCTION ledger.open_balance() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
	INSERT INTO ledger.balance (member_id) SELECT member_id FROM joined ORDER BY member_id;
	RETURN NULL;
END
$$;

ALTER FUNCTION ledger.open_balance() OWNER TO handback_owner;

CREATE FUNCTION ledger.post_answers(answered_ids bigint[], answered ledger.category, answer ledger.category) RETURNS TABLE(answered_id bigint, entry_id bigint, external_reference uuid, posted_at timestamp with time zone)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
	posted bigint;
	-- UUIDs of version 7 (RFC 9562): milliseconds since 1970 first, so that a million of them go to the end of the index
	-- and not all over it; what follows is random
	millis text := lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0');
	prefix text := left(millis, 8) || '-' || right(millis, 4) || '-7';
BEGIN
	-- in the order of what is answered: two postings that share some never wait in a circle
	RETURN QUERY
		INSERT INTO ledger.entry (programme_id, member_id, category, points, external_reference, answers_entry_id)
		SELECT a.programme_id, a.member_id, answer, a.points,
			(prefix || right(gen_random_uuid()::text, 21))::uuid, a.entry_id
		FROM (SELECT unnest(answered_ids) AS entry_id ORDER BY 1 OFFSET 0) wanted
		JOIN ledger.entry a ON a.entry_id = wanted.entry_id
		WHERE a.category = answered
		ORDER BY a.entry_id
		RETURNING answers_entry_id, entry.entry_id, entry.external_reference, entry.posted_at;
	GET DIAGNOSTICS posted = ROW_COUNT;
	IF posted <> cardinality(answered_ids) THEN
		RAISE EXCEPTION '% of % entries to be answered are not of the category %',
			cardinality(answered_ids) - posted, cardinality(answered_ids), answered
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
END
$$;

ALTER FUNCTION ledger.post_answers(answered_ids bigint[], answered ledger.category, answer ledger.category) OWNER TO handback_owner;

CREATE FUNCTION ledger.post_reinstatements(reversal_ids bigint[]) RETURNS TABLE(reversal_id bigint, reinstatement_id bigint, external_reference uuid, posted_at timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT * FROM ledger.post_answers(reversal_ids, 'Redemption Reversal', 'Redemption Reinstatement')
$$;

ALTER FUNCTION ledger.post_reinstatements(reversal_ids bigint[]) OWNER TO handback_owner;

COMMENT ON FUNCTION ledger.post_reinstatements(reversal_ids bigint[]) IS 'Contract: takes reversals back, all or none. 23514 when a member no longer has the points';

CREATE FUNCTION ledger.post_reversals(redemption_ids bigint[]) RETURNS TABLE(redemption_id bigint, reversal_id bigint, external_reference uuid, posted_at timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT * FROM ledger.post_answers(redemption_ids, 'Debit By Redemption', 'Redemption Reversal')
$$;

ALTER FUNCTION ledger.post_reversals(redemption_ids bigint[]) OWNER TO handback_owner;

COMMENT ON FUNCTION ledger.post_reversals(redemption_ids bigint[]) IS 'Contract: gives back the full points of each redemption, all or none. 23505 when one is reversed already, 23000 when a number is no redemption';

CREATE FUNCTION ledger.redeem_points(programme text, member text, points bigint, merchant text, transaction_type integer, partner text DEFAULT NULL::text, outbound_reference text DEFAULT NULL::text, partner_reference text DEFAULT NULL::text, OUT code text, OUT message text, OUT external_reference uuid, OUT amount bigint, OUT currency text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
	p ledger.programme;
	m ledger.member;
	available bigint;
BEGIN
	SELECT * INTO p FROM ledger.programme r WHERE r.code = redeem_points.programme;
	IF NOT FOUND OR coalesce(member, '') = '' OR points IS NULL OR transaction_type IS NULL THEN
		SELECT '999', 'bad request: programme, member, points and transaction type are needed' INTO code, message;
		RETURN;
	END IF;
	IF coalesce(redeem_points.merchant, '') = '' THEN
		SELECT '208', 'merchant name is missing' INTO code, message;
		RETURN;
	END IF;
	-- shared: a status that changes now waits for us, or we for it
	SELECT * INTO m FROM ledger.member r
	WHERE r.programme_id = p.programme_id AND r.relation_reference = member FOR SHARE;
	SELECT w.code, w.message INTO code, message FROM ledger.why_not(m, p, redeem_points.points) w;
	IF code IS NOT NULL THEN
		RETURN;
	END IF;
	SELECT b.points INTO available FROM ledger.balance b WHERE b.member_id = m.member_id FOR NO KEY UPDATE;
	IF available < redeem_points.points THEN
		SELECT '302', 'insufficient points' INTO code, message;
		RETURN;
	END IF;
	INSERT INTO ledger.entry AS e (programme_id, member_id, category, points, partner, merchant, transaction_type,
		amount, currency, outbound_reference, partner_reference)
	VALUES (p.programme_id, m.member_id, 'Debit By Redemption', redeem_points.points, redeem_points.partner,
		redeem_points.merchant, redeem_points.transaction_type,
		ledger.worth(redeem_points.points, p.rate_points, p.rate_minor), p.currency,
		redeem_points.outbound_reference, redeem_points.partner_reference)
	RETURNING '000', 'success', e.external_reference, e.amount, e.currency
	INTO code, message, external_reference, amount, currency;
EXCEPTION
	WHEN transaction_rollback OR lock_not_available OR operator_intervention OR insufficient_resources THEN
		RAISE;
	WHEN OTHERS THEN
		SELECT '997', format('exception: %s', SQLSTATE), NULL, NULL, NULL
		INTO code, message, external_reference, amount, currency;
END
$$;

ALTER FUNCTION ledger.redeem_points(programme text, member text, points bigint, merchant text, transaction_type integer, partner text, outbound_reference text, partner_reference text, OUT code text, OUT message text, OUT external_reference uuid, OUT amount bigint, OUT currency text) OWNER TO handback_owner;

COMMENT ON FUNCTION ledger.redeem_points(programme text, member text, points bigint, merchant text, transaction_type integer, partner text, outbound_reference text, partner_reference text, OUT code text, OUT message text, OUT external_reference uuid, OUT amount bigint, OUT currency text) IS 'Takes the points and gives the external_reference by which the redemption is known from then on';

CREATE FUNCTION ledger.refuse_direct_balance() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
	-- from within another trigger it is one of ours
	IF TG_OP NOT IN ('INSERT', 'UPDATE') OR pg_trigger_depth() < 2 THEN
		RAISE EXCEPTION '% on ledger.balance is refused: it follows ledger.entry by itself', TG_OP
			USING ERRCODE = 'insufficient_privilege', HINT = 'Insert members and entries only.';
	END IF;
	RETURN NULL;
END
$$;

ALTER FUNCTION ledger.refuse_direct_balance() OWNER TO handback_owner;

CREATE FUNCTION ledger.refuse_other_member() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
	RAISE EXCEPTION '% on ledger.% is refused: entries name it', TG_OP, TG_TABLE_NAME
		USING ERRCODE = 'insufficient_privilege', HINT = 'A member may change its status and its relation_reference.';
END
$$;

ALTER FUNCTION ledger.refuse_other_member() OWNER TO handback_owner;

CREATE FUNCTION ledger.reversal_points(programme text, member text, merchant text, redemption uuid, OUT code text, OUT message text, OUT external_reference uuid, OUT points bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
	m bigint;
	d ledger.entry;
BEGIN
	IF coalesce(programme, '') = '' OR coalesce(member, '') = '' OR redemption IS NULL THEN
		SELECT '999', 'bad request: programme, member and redemption are needed' INTO code, message;
		RETURN;
	END IF;
	IF coalesce(reversal_points.merchant, '') = '' THEN
		SELECT '208', 'merchant name is missing' INTO code, message;
		RETURN;
	END IF;
	SELECT r.member_id INTO m FROM ledger.member r JOIN ledger.programme p ON p.programme_id = r.programme_id
	WHERE p.code = reversal_points.programme AND r.relation_reference = member;
	IF NOT FOUND THEN
		SELECT '103', 'member does not exist' INTO code, message;
		RETURN;
	END IF;
	SELECT * INTO d FROM ledger.entry e
	WHERE e.external_reference = redemption AND e.category = 'Debit By Redemption' AND e.member_id = m
		AND e.merchant = reversal_points.merchant;
	IF NOT FOUND THEN
		SELECT '301', 'failed to redeem: no such redemption of this member and merchant' INTO code, message;
		RETURN;
	END IF;
	BEGIN
		SELECT '000', 'success', r.external_reference, d.points INTO code, message, external_reference, points
		FROM ledger.post_reversals(ARRAY[d.entry_id]) r;
	EXCEPTION WHEN unique_violation THEN
		SELECT '301', 'failed to redeem: the redemption is reversed already', r.external_reference, r.points
		INTO code, message, external_reference, points
		FROM ledger.reversal r WHERE r.redemption_id = d.entry_id;
	END;
EXCEPTION
	WHEN transaction_rollback OR lock_not_available OR operator_intervention OR insufficient_resources THEN
		RAISE;
	WHEN OTHERS THEN
		SELECT '997', format('exception: %s', SQLSTATE), NULL, NULL INTO code, message, external_reference, points;
END
$$;

ALTER FUNCTION ledger.reversal_points(programme text, member text, merchant text, redemption uuid, OUT code text, OUT message text, OUT external_reference uuid, OUT points bigint) OWNER TO handback_owner;

COMMENT ON FUNCTION ledger.reversal_points(programme text, member text, merchant text, redemption uuid, OUT code text, OUT message text, OUT external_reference uuid, OUT points bigint) IS 'Gives back the full points of the redemption that has this external_reference, member and merchant, once';

CREATE TABLE ledger.member (
    member_id bigint NOT NULL,
    programme_id integer NOT NULL,
    relation_reference text NOT NULL,
    status ledger.member_status DEFAULT 'Active'::ledger.member_status NOT NULL,
    CONSTRAINT member_relation_reference_check CHECK ((relation_reference <> ''::text))
);

ALTER TABLE ledger.member OWNER TO handback_owner;

COMMENT ON TABLE ledger.member IS 'A member of one programme; never deleted, since entries name it';

COMMENT ON COLUMN ledger.member.relation_reference IS 'What partners and applications call the member';

COMMENT ON COLUMN ledger.member.status IS 'Only Active may redeem; points are given back whatever it is';

CREATE TABLE ledger.programme (
    programme_id integer NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    rate_points bigint NOT NULL,
    rate_minor bigint NOT NULL,
    currency character(3) NOT NULL,
    minimum_points bigint DEFAULT 1 NOT NULL,
    CONSTRAINT programme_code_check CHECK ((code <> ''::text)),
    CONSTRAINT programme_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT programme_minimum_points_check CHECK ((minimum_points > 0)),
    CONSTRAINT programme_rate_minor_check CHECK ((rate_minor > 0)),
    CONSTRAINT programme_rate_points_check CHECK ((rate_points > 0))
);

ALTER TABLE ledger.programme OWNER TO handback_owner;

COMMENT ON TABLE ledger.programme IS 'A points programme and what its points are worth';

COMMENT ON COLUMN ledger.programme.code IS 'What partners and applications call it';

COMMENT ON COLUMN ledger.programme.rate_points IS 'So many points are worth rate_minor minor units of the currency';

COMMENT ON COLUMN ledger.programme.minimum_points IS 'A redemption of fewer points is refused';

CREATE FUNCTION ledger.why_not(m ledger.member, p ledger.programme, points bigint, OUT code text, OUT message text) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT v.code, v.message
	FROM (VALUES
		(1, points <= 0, '120', 'points must be greater than zero'),
		(2, m.member_id IS NULL, '103', 'member does not exist'),
		(3, m.status = 'Cancelled', '113', 'member is cancelled'),
		(4, m.status = 'Suspended', '114', 'member is suspended'),
		(5, m.status <> 'Active', '107', 'member status is not Active'),
		(6, points < p.minimum_points, '301', format('failed to redeem: the programme''s minimum is %s points',
			p.minimum_points))
	) AS v (n, applies, code, message)
	WHERE v.applies
	ORDER BY v.n
	LIMIT 1
$$;

ALTER FUNCTION ledger.why_not(m ledger.member, p ledger.programme, points bigint, OUT code text, OUT message text) OWNER TO handback_owner;

CREATE FUNCTION ledger.worth(points bigint, rate_points bigint, rate_minor bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
	SELECT div(points::numeric * rate_minor, rate_points)::bigint
$$;

ALTER FUNCTION ledger.worth(points bigint, rate_points bigint, rate_minor bigint) OWNER TO handback_owner;

COMMENT ON FUNCTION ledger.worth(points bigint, rate_points bigint, rate_minor bigint) IS 'Minor units for points at a programme''s rate, rounded down';

CREATE TABLE audit.act (
    act_id bigint NOT NULL,
    head_no bigint NOT NULL,
    at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    who text DEFAULT SESSION_USER NOT NULL,
    what text NOT NULL,
    subject text NOT NULL,
    why text,
    detail text
);

ALTER TABLE audit.act OWNER TO handback_owner;

COMMENT ON TABLE audit.act IS 'What people, and the service between files, did; append-only';

COMMENT ON COLUMN audit.act.who IS 'The login of the session';

COMMENT ON COLUMN audit.act.subject IS 'What it is about: hold 12, file 7, redemption 123';

ALTER TABLE audit.act ALTER COLUMN act_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME audit.act_act_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE audit.head (
    head_no bigint NOT NULL,
    file_id bigint,
    tree_size bigint NOT NULL,
    root bytea NOT NULL,
    head_text text NOT NULL,
    head_hash bytea NOT NULL,
    previous bytea NOT NULL,
    made_at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    CONSTRAINT head_head_hash_check CHECK ((length(head_hash) = 32)),
    CONSTRAINT head_head_no_check CHECK ((head_no > 0)),
    CONSTRAINT head_previous_check CHECK ((length(previous) = 32)),
    CONSTRAINT head_root_check CHECK ((length(root) = 32)),
    CONSTRAINT head_tree_size_check CHECK ((tree_size >= 0))
);

ALTER TABLE audit.head OWNER TO handback_owner;

COMMENT ON TABLE audit.head IS 'One link of the chain for each decided file and each act; append-only';

COMMENT ON COLUMN audit.head.tree_size IS 'How many leaves root is over: the file''s outcomes';

COMMENT ON COLUMN audit.head.root IS 'RFC 6962 Merkle tree hash of the leaves, in record order';

COMMENT ON COLUMN audit.head.head_text IS 'What was hashed: lines of key TAB value';

COMMENT ON COLUMN audit.head.head_hash IS 'SHA-256 of head_text';

COMMENT ON COLUMN audit.head.previous IS 'head_hash of the head before; zeros for the first';

CREATE TABLE handback.control (
    file_id bigint NOT NULL,
    n integer NOT NULL,
    name text NOT NULL,
    place text NOT NULL,
    stated numeric,
    counted numeric,
    agrees boolean NOT NULL
);

ALTER TABLE handback.control OWNER TO handback_owner;

COMMENT ON TABLE handback.control IS 'Control totals: what the partner stated beside what was counted';

COMMENT ON COLUMN handback.control.place IS 'Of what: file, batch 3, ...';

CREATE TABLE handback.issue (
    issue_id bigint NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    day date NOT NULL,
    zone text NOT NULL,
    opens_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    late_at timestamp with time zone NOT NULL,
    files integer NOT NULL,
    pattern text,
    empty boolean DEFAULT false NOT NULL,
    CONSTRAINT issue_check CHECK (((opens_at < late_at) AND (due_at <= late_at))),
    CONSTRAINT issue_files_check CHECK ((files > 0)),
    CONSTRAINT issue_pattern_check CHECK ((pattern <> ''::text))
);

ALTER TABLE handback.issue OWNER TO handback_owner;

COMMENT ON TABLE handback.issue IS 'A file (or so many) that a partner should send by a certain time; append-only';

COMMENT ON COLUMN handback.issue.empty IS 'A file comes when there is nothing to tell, too: that none came is always a break';

CREATE TABLE handback.issue_file (
    file_id bigint NOT NULL,
    issue_id bigint,
    how text NOT NULL,
    CONSTRAINT issue_file_check CHECK (((how = 'unexpected'::text) = (issue_id IS NULL))),
    CONSTRAINT issue_file_how_check CHECK ((how = ANY (ARRAY['early'::text, 'on_time'::text, 'late'::text, 'unexpected'::text])))
);

ALTER TABLE handback.issue_file OWNER TO handback_owner;

COMMENT ON TABLE handback.issue_file IS 'Which expected file a delivered one was, and whether it was in time; append-only';

CREATE TABLE handback.issue_missing (
    issue_id bigint NOT NULL,
    judged_at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    files integer NOT NULL,
    judged text DEFAULT 'missing'::text NOT NULL,
    CONSTRAINT issue_missing_files_check CHECK ((files > 0)),
    CONSTRAINT issue_missing_judged_check CHECK ((judged = ANY (ARRAY['missing'::text, 'nothing_due'::text])))
);

ALTER TABLE handback.issue_missing OWNER TO handback_owner;

COMMENT ON TABLE handback.issue_missing IS 'Issues that had not come when they were late, as a poll showed that read the whole listing; append-only';

COMMENT ON COLUMN handback.issue_missing.judged IS 'nothing_due: the partner sends no empty files, and had nothing to tell; no break';

CREATE TABLE handback.source_poll (
    poll_id bigint NOT NULL,
    source text NOT NULL,
    polled_at timestamp with time zone NOT NULL,
    result text NOT NULL,
    why text,
    CONSTRAINT source_poll_check CHECK (((result = 'could_not'::text) OR (why IS NULL))),
    CONSTRAINT source_poll_result_check CHECK ((result = ANY (ARRAY['files'::text, 'empty'::text, 'could_not'::text])))
);

ALTER TABLE handback.source_poll OWNER TO handback_owner;

COMMENT ON TABLE handback.source_poll IS 'How polling a source went, each time that the answer was another one; append-only';

COMMENT ON COLUMN handback.source_poll.result IS 'files: some were there. empty: the whole listing was read and there was none. could_not: nobody knows';

CREATE VIEW handback.expected_files AS
 SELECT i.issue_id,
    i.source,
    i.kind,
    i.day,
    i.due_at,
    i.late_at,
    i.files,
    c.came,
    c.file_id,
        CASE
            WHEN (c.came >= i.files) THEN c.how
            WHEN (m.issue_id IS NOT NULL) THEN m.judged
            WHEN (i.late_at >= transaction_timestamp()) THEN 'due'::text
            WHEN ((l.result = 'could_not'::text) OR (l.result IS NULL)) THEN 'poll_failed'::text
            ELSE 'overdue'::text
        END AS state
   FROM (((handback.issue i
     CROSS JOIN LATERAL ( SELECT count(*) AS came,
            max(f.file_id) AS file_id,
                CASE
                    WHEN bool_or((f.how = 'late'::text)) THEN 'late'::text
                    WHEN bool_and((f.how = 'early'::text)) THEN 'early'::text
                    ELSE 'on_time'::text
                END AS how
           FROM handback.issue_file f
          WHERE (f.issue_id = i.issue_id)) c)
     LEFT JOIN handback.issue_missing m ON ((m.issue_id = i.issue_id)))
     LEFT JOIN LATERAL ( SELECT k.result
           FROM handback.source_poll k
          WHERE (k.source = i.source)
          ORDER BY k.poll_id DESC
         LIMIT 1) l ON (true));

ALTER TABLE handback.expected_files OWNER TO handback_owner;

COMMENT ON VIEW handback.expected_files IS 'Every expected file: due, early, on_time, late, missing, nothing_due, poll_failed, or overdue until the next nightly run says missing';

CREATE TABLE handback.file (
    file_id bigint NOT NULL,
    partner_id integer NOT NULL,
    source text NOT NULL,
    name bytea NOT NULL,
    name_shown text NOT NULL,
    sha256 bytea NOT NULL,
    bytes bigint NOT NULL,
    state handback.file_state NOT NULL,
    hold_reason text,
    duplicate_of bigint,
    release_of bigint,
    profile text NOT NULL,
    profile_sha256 bytea NOT NULL,
    sequence bigint,
    business_date date,
    partner_file_id text,
    original_message text,
    part bigint,
    parts bigint,
    part_set text,
    records integer DEFAULT 0 NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    archived_at timestamp with time zone,
    archived_as text,
    CONSTRAINT file_bytes_check CHECK ((bytes >= 0)),
    CONSTRAINT file_check CHECK (((state = 'held'::handback.file_state) = (hold_reason IS NOT NULL))),
    CONSTRAINT file_check1 CHECK (((state = 'duplicate'::handback.file_state) = (duplicate_of IS NOT NULL))),
    CONSTRAINT file_check2 CHECK (((state <> 'duplicate'::handback.file_state) OR (release_of IS NULL))),
    CONSTRAINT file_check3 CHECK ((((part IS NULL) = (parts IS NULL)) AND ((part IS NULL) = (part_set IS NULL)))),
    CONSTRAINT file_check4 CHECK (((archived_at IS NULL) = (archived_as IS NULL))),
    CONSTRAINT file_name_check CHECK (((length(name) >= 1) AND (length(name) <= 255))),
    CONSTRAINT file_profile_sha256_check CHECK ((length(profile_sha256) = 32)),
    CONSTRAINT file_records_check CHECK ((records >= 0)),
    CONSTRAINT file_sha256_check CHECK ((length(sha256) = 32))
);

ALTER TABLE handback.file OWNER TO handback_owner;

COMMENT ON TABLE handback.file IS 'One row for each delivered byte string, one for each time that it came again, and one for each time that it was held and released';

COMMENT ON COLUMN handback.file.source IS 'The configured source that it came in by';

COMMENT ON COLUMN handback.file.name IS 'Its name as delivered: bytes, of no fixed encoding';

COMMENT ON COLUMN handback.file.name_shown IS 'The name, escaped for people';

COMMENT ON COLUMN handback.file.sha256 IS 'What the file is: the same bytes are the same file';

COMMENT ON COLUMN handback.file.state IS 'posted: decided, record by record. held: refused whole, nothing posted. duplicate: its bytes were decided before';

COMMENT ON COLUMN handback.file.duplicate_of IS 'The file that first had these bytes';

COMMENT ON COLUMN handback.file.release_of IS 'The held file that this one is, read and decided again after its release';

COMMENT ON COLUMN handback.file.profile_sha256 IS 'Of the profile that it was read and judged by';

COMMENT ON COLUMN handback.file.sequence IS 'The partner''s number of the file';

COMMENT ON COLUMN handback.file.business_date IS 'The partner''s date of the file';

COMMENT ON COLUMN handback.file.original_message IS 'Our message that it answers';

COMMENT ON COLUMN handback.file.part IS 'Which part of a set of files it is';

COMMENT ON COLUMN handback.file.part_set IS 'What the names of its parts have in common';

COMMENT ON COLUMN handback.file.records IS 'How many records it has; of a posted file each has an outcome';

COMMENT ON COLUMN handback.file.seen_at IS 'When its name was first looked at, by our clock';

COMMENT ON COLUMN handback.file.archived_as IS 'Where its bytes are kept: a path below archive/ or quarantine/ of the spool';

ALTER TABLE handback.file ALTER COLUMN file_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME handback.file_file_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE handback.partner (
    partner_id integer NOT NULL,
    code text NOT NULL,
    first_seen timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    CONSTRAINT partner_code_check CHECK ((code <> ''::text))
);

ALTER TABLE handback.partner OWNER TO handback_owner;

COMMENT ON TABLE handback.partner IS 'Who delivers files; code is what the configuration and the ledger call them';

CREATE TABLE handback.tie_out (
    file_id bigint NOT NULL,
    outcome smallint NOT NULL,
    records bigint NOT NULL,
    points numeric NOT NULL,
    CONSTRAINT tie_out_records_check CHECK ((records > 0))
);

ALTER TABLE handback.tie_out OWNER TO handback_owner;

COMMENT ON TABLE handback.tie_out IS 'Per file and outcome, records and points; the records of a posted file sum to file.records';

COMMENT ON COLUMN handback.tie_out.points IS 'Of the debits; as the partner stated them where there is no debit';

CREATE VIEW handback.files AS
 SELECT f.file_id,
    p.code AS partner,
    f.source,
    f.name_shown AS name,
    (f.state)::text AS state,
    f.hold_reason,
    f.records,
    t.confirmed,
    t.reversed,
    t.already_applied,
    t.duplicate_record,
    t.informational,
    t.held,
    t.points_reversed,
    f.sequence,
    f.business_date,
    f.duplicate_of,
    f.release_of,
    f.seen_at,
    f.decided_at,
    f.archived_as,
    encode(f.sha256, 'hex'::text) AS sha256
   FROM ((handback.file f
     JOIN handback.partner p ON ((p.partner_id = f.partner_id)))
     CROSS JOIN LATERAL ( SELECT COALESCE(sum(tie_out.records) FILTER (WHERE (tie_out.outcome = 1)), (0)::numeric) AS confirmed,
            COALESCE(sum(tie_out.records) FILTER (WHERE (tie_out.outcome = 2)), (0)::numeric) AS reversed,
            COALESCE(sum(tie_out.records) FILTER (WHERE (tie_out.outcome = 3)), (0)::numeric) AS already_applied,
            COALESCE(sum(tie_out.records) FILTER (WHERE (tie_out.outcome = 4)), (0)::numeric) AS duplicate_record,
            COALESCE(sum(tie_out.records) FILTER (WHERE (tie_out.outcome = 5)), (0)::numeric) AS informational,
            COALESCE(sum(tie_out.records) FILTER (WHERE (tie_out.outcome = 6)), (0)::numeric) AS held,
            COALESCE(sum(tie_out.points) FILTER (WHERE (tie_out.outcome = 2)), (0)::numeric) AS points_reversed
           FROM handback.tie_out
          WHERE (tie_out.file_id = f.file_id)) t);

ALTER TABLE handback.files OWNER TO handback_owner;

COMMENT ON VIEW handback.files IS 'Every file with what became of its records';

CREATE TABLE handback.hold_end (
    hold_id bigint NOT NULL,
    how text NOT NULL,
    ended_at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    ended_by text DEFAULT SESSION_USER NOT NULL,
    CONSTRAINT hold_end_how_check CHECK ((how = ANY (ARRAY['confirmed'::text, 'reversed'::text, 'reinstated'::text, 'closed'::text, 'released'::text, 'matched_later'::text, 'unknown_reference_expired'::text])))
);

ALTER TABLE handback.hold_end OWNER TO handback_owner;

COMMENT ON TABLE handback.hold_end IS 'How a hold ended, when, and by whose session';

CREATE TABLE handback.hold_guarded (
    hold_id bigint NOT NULL,
    redemption_id bigint NOT NULL,
    outcome smallint NOT NULL,
    act_id bigint NOT NULL
);

ALTER TABLE handback.hold_guarded OWNER TO handback_owner;

COMMENT ON TABLE handback.hold_guarded IS 'Records that were unknown, were found later, and are held by the guard; append-only';

COMMENT ON COLUMN handback.hold_guarded.redemption_id IS 'The redemption that was found for the record';

COMMENT ON COLUMN handback.hold_guarded.outcome IS 'What would have become of it';

COMMENT ON COLUMN handback.hold_guarded.act_id IS 'The act of the nightly run that names them';

ALTER TABLE handback.hold ALTER COLUMN hold_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME handback.hold_hold_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE handback.hold_note (
    note_id bigint NOT NULL,
    hold_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    who text DEFAULT SESSION_USER NOT NULL,
    assigned text,
    comment text,
    act_id bigint NOT NULL,
    CONSTRAINT hold_note_assigned_check CHECK ((assigned <> ''::text)),
    CONSTRAINT hold_note_check CHECK (((assigned IS NOT NULL) OR (comment IS NOT NULL))),
    CONSTRAINT hold_note_comment_check CHECK ((comment <> ''::text))
);

ALTER TABLE handback.hold_note OWNER TO handback_owner;

COMMENT ON TABLE handback.hold_note IS 'Who looks into a hold, and what was said about it; append-only';

COMMENT ON COLUMN handback.hold_note.assigned IS 'To whom it was given; NULL: only a comment';

ALTER TABLE handback.hold_note ALTER COLUMN note_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME handback.hold_note_note_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW handback.hold_now AS
 SELECT h.hold_id,
    h.file_id,
    h.record_no,
        CASE
            WHEN (g.hold_id IS NULL) THEN h.reason
            ELSE 'guard'::text
        END AS reason,
    COALESCE(h.redemption_id, g.redemption_id) AS redemption_id,
    h.points,
    h.opened_at
   FROM (handback.hold h
     LEFT JOIN handback.hold_guarded g USING (hold_id));

ALTER TABLE handback.hold_now OWNER TO handback_owner;

COMMENT ON VIEW handback.hold_now IS 'handback.hold with the reason and the redemption that hold since the guard stopped a later match';

CREATE TABLE handback.hold_reason (
    reason text NOT NULL,
    meaning text NOT NULL,
    action_required text NOT NULL
);

ALTER TABLE handback.hold_reason OWNER TO handback_owner;

COMMENT ON TABLE handback.hold_reason IS 'Why something waits for a person';

COMMENT ON COLUMN handback.hold_reason.meaning IS 'What was found, in a sentence';

COMMENT ON COLUMN handback.hold_reason.action_required IS 'What a person is asked to do about it';

ALTER TABLE handback.issue ALTER COLUMN issue_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME handback.issue_issue_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW handback.open_holds AS
 SELECT h.hold_id,
    p.code AS partner,
    h.file_id,
    f.name_shown AS file,
    h.record_no,
    h.reason,
    r.meaning,
    r.action_required,
    h.redemption_id,
    h.points,
    h.opened_at
   FROM (((handback.hold h
     JOIN handback.file f ON ((f.file_id = h.file_id)))
     JOIN handback.partner p ON ((p.partner_id = f.partner_id)))
     JOIN handback.hold_reason r ON ((r.reason = h.reason)))
  WHERE (NOT (EXISTS ( SELECT
           FROM handback.hold_end e
          WHERE (e.hold_id = h.hold_id))));

ALTER TABLE handback.open_holds OWNER TO handback_owner;

COMMENT ON VIEW handback.open_holds IS 'Open holds: why, and the action required';

CREATE TABLE handback.outcome_name (
    outcome smallint NOT NULL,
    name text NOT NULL
);

ALTER TABLE handback.outcome_name OWNER TO handback_owner;

COMMENT ON TABLE handback.outcome_name IS 'What can be done with a record';

ALTER TABLE handback.partner ALTER COLUMN partner_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME handback.partner_partner_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE handback.proposal_end (
    proposal_id bigint NOT NULL,
    proposed_by text NOT NULL,
    how text NOT NULL,
    why text,
    ended_at timestamp with time zone NOT NULL,
    ended_by text DEFAULT SESSION_USER NOT NULL,
    act_id bigint NOT NULL,
    CONSTRAINT approver_is_not_proposer CHECK (((how <> 'approved'::text) OR (ended_by <> proposed_by))),
    CONSTRAINT proposal_end_how_check CHECK ((how = ANY (ARRAY['approved'::text, 'rejected'::text]))),
    CONSTRAINT rejected_with_a_reason CHECK (((how <> 'rejected'::text) OR (why ~ '\S'::text)))
);

ALTER TABLE handback.proposal_end OWNER TO handback_owner;

COMMENT ON TABLE handback.proposal_end IS 'Who approved or rejected a proposal; never the one who made it; append-only';

CREATE TABLE handback.proposal_hold (
    proposal_id bigint NOT NULL,
    hold_id bigint NOT NULL
);

ALTER TABLE handback.proposal_hold OWNER TO handback_owner;

COMMENT ON TABLE handback.proposal_hold IS 'The holds that a proposal is about';

ALTER TABLE handback.proposal ALTER COLUMN proposal_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME handback.proposal_proposal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE handback.verdict_name (
    verdict smallint NOT NULL,
    name text NOT NULL
);

ALTER TABLE handback.verdict_name OWNER TO handback_owner;

COMMENT ON TABLE handback.verdict_name IS 'What a partner can say of a record';

CREATE TABLE ledger.entry (
    entry_id bigint NOT NULL,
    programme_id integer NOT NULL,
    member_id bigint NOT NULL,
    category ledger.category NOT NULL,
    points bigint NOT NULL,
    external_reference uuid DEFAULT gen_random_uuid() NOT NULL,
    answers_entry_id bigint,
    partner text,
    merchant text,
    transaction_type integer,
    amount bigint,
    currency character(3),
    outbound_reference text,
    partner_reference text,
    posted_at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    posted_by text DEFAULT SESSION_USER NOT NULL,
    CONSTRAINT entry_amount_check CHECK ((amount >= 0)),
    CONSTRAINT entry_check CHECK (((category = ANY (ARRAY['Redemption Reversal'::ledger.category, 'Redemption Reinstatement'::ledger.category])) = (answers_entry_id IS NOT NULL))),
    CONSTRAINT entry_check1 CHECK (((amount IS NULL) = (currency IS NULL))),
    CONSTRAINT entry_points_check CHECK ((points > 0))
);

ALTER TABLE ledger.entry OWNER TO handback_owner;

COMMENT ON TABLE ledger.entry IS 'Every movement of points; append-only. A debit''s partner, merchant, amount and references stand on the debit alone';

COMMENT ON COLUMN ledger.entry.category IS 'Accruals and reversals give the member points; redemptions and reinstatements take them';

COMMENT ON COLUMN ledger.entry.points IS 'Always positive; the category says which way';

COMMENT ON COLUMN ledger.entry.external_reference IS 'The name by which the world knows this entry';

COMMENT ON COLUMN ledger.entry.answers_entry_id IS 'Reversal: the debit that it restores. Reinstatement: the reversal that it takes back';

COMMENT ON COLUMN ledger.entry.partner IS 'Debit: who was asked to fulfil it';

COMMENT ON COLUMN ledger.entry.transaction_type IS 'Debit: 4 miles or points transfer, 5 hotel, 6 air, 19 charity, 30 gift card, others per programme';

COMMENT ON COLUMN ledger.entry.amount IS 'Debit: its worth in minor units of the currency';

COMMENT ON COLUMN ledger.entry.outbound_reference IS 'Debit: our reference in the request to the partner';

COMMENT ON COLUMN ledger.entry.partner_reference IS 'Debit: the partner''s reference, where it gave one at once';

COMMENT ON COLUMN ledger.entry.posted_by IS 'The login that the posting session belonged to';

CREATE VIEW ledger.redemption AS
 SELECT d.entry_id AS redemption_id,
    d.external_reference,
    d.programme_id,
    p.code AS programme,
    d.member_id,
    m.relation_reference AS member,
    (m.status)::text AS member_status,
    d.partner,
    d.merchant,
    d.transaction_type,
    d.points,
    d.amount,
    (d.currency)::text AS currency,
    d.outbound_reference,
    d.partner_reference,
    d.posted_at AS redeemed_at
   FROM ((ledger.entry d
     LEFT JOIN ledger.member m ON ((m.member_id = d.member_id)))
     LEFT JOIN ledger.programme p ON ((p.programme_id = d.programme_id)))
  WHERE (d.category = 'Debit By Redemption'::ledger.category);

ALTER TABLE ledger.redemption OWNER TO handback_owner;

COMMENT ON VIEW ledger.redemption IS 'Contract: every redemption that a partner may answer';

COMMENT ON COLUMN ledger.redemption.redemption_id IS 'The ledger''s own number, for ever';

COMMENT ON COLUMN ledger.redemption.external_reference IS 'The UUID by which partners name it';

COMMENT ON COLUMN ledger.redemption.member IS 'The member''s relation_reference';

COMMENT ON COLUMN ledger.redemption.partner IS 'Who was asked to fulfil it: only this partner''s files may answer it';

COMMENT ON COLUMN ledger.redemption.amount IS 'Minor units of the currency';

CREATE VIEW handback.records_in_words AS
 SELECT o.file_id,
    p.code AS partner,
    f.name_shown AS file,
    o.record_no,
    o.revision,
    v.name AS verdict,
    n.name AS outcome,
    o.hold_reason,
    o.reasons,
    o.detail,
    o.redemption_id,
    COALESCE((d.external_reference)::text, o.reference) AS reference,
    d.member,
    d.points AS points_redeemed,
    o.points AS points_stated,
    o.reversal_id,
    o.byte_offset,
    o.byte_length,
    o.decided_at
   FROM (((((handback.outcome o
     JOIN handback.verdict_name v ON ((v.verdict = o.verdict)))
     JOIN handback.outcome_name n ON ((n.outcome = o.outcome)))
     LEFT JOIN handback.file f ON ((f.file_id = o.file_id)))
     LEFT JOIN handback.partner p ON ((p.partner_id = f.partner_id)))
     LEFT JOIN ledger.redemption d ON ((d.redemption_id = o.redemption_id)));

ALTER TABLE handback.records_in_words OWNER TO handback_owner;

COMMENT ON VIEW handback.records_in_words IS 'Every outcome in words; name a file_id or a redemption_id, since it is long';

CREATE TABLE handback.refusal (
    file_id bigint NOT NULL,
    n integer NOT NULL,
    rule text NOT NULL,
    message text NOT NULL,
    field text,
    value_shown text,
    record_no bigint,
    byte_offset bigint
);

ALTER TABLE handback.refusal OWNER TO handback_owner;

COMMENT ON TABLE handback.refusal IS 'Why a file was refused: what, where, which rule; the first few';

COMMENT ON COLUMN handback.refusal.value_shown IS 'The value, bounded and escaped';

COMMENT ON COLUMN handback.refusal.record_no IS 'Physical record, from 1; NULL for the whole file';

COMMENT ON COLUMN handback.refusal.byte_offset IS 'In the (unpacked) file, from 0';

CREATE TABLE handback.release_failure (
    failure_id bigint NOT NULL,
    file_id bigint NOT NULL,
    failed_at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    why text NOT NULL,
    CONSTRAINT release_failure_why_check CHECK ((why <> ''::text))
);

ALTER TABLE handback.release_failure OWNER TO handback_owner;

COMMENT ON TABLE handback.release_failure IS 'Why a held file that may go could not be handled, each time that the answer was another one; append-only';

ALTER TABLE handback.release_failure ALTER COLUMN failure_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME handback.release_failure_failure_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW handback.release_waiting AS
 SELECT h.hold_id,
    h.file_id,
    h.reason,
    e.ended_at AS approved_at,
    e.ended_by AS approved_by,
    x.failed_at,
    COALESCE(x.why, ('not taken up yet: it is for the handbackd whose spool has its copy, '::text || f.archived_as)) AS why
   FROM (((handback.hold h
     JOIN handback.file f ON ((f.file_id = h.file_id)))
     LEFT JOIN handback.hold_end e ON ((e.hold_id = h.hold_id)))
     LEFT JOIN LATERAL ( SELECT k.failed_at,
            k.why
           FROM handback.release_failure k
          WHERE (k.file_id = h.file_id)
          ORDER BY k.failure_id DESC
         LIMIT 1) x ON (true))
  WHERE ((h.record_no IS NULL) AND ((e.how = 'released'::text) OR ((e.how IS NULL) AND (x.why IS NOT NULL))) AND (NOT (EXISTS ( SELECT
           FROM handback.file r
          WHERE (r.release_of = h.file_id)))));

ALTER TABLE handback.release_waiting OWNER TO handback_owner;

COMMENT ON VIEW handback.release_waiting IS 'Held files that may go and have not gone: two people approved it, or (without approved_at) what they waited for is there';

CREATE TABLE handback.removal (
    file_id bigint NOT NULL,
    act_id bigint NOT NULL
);

ALTER TABLE handback.removal OWNER TO handback_owner;

COMMENT ON TABLE handback.removal IS 'Files whose kept copy was removed by retention; append-only';

COMMENT ON COLUMN handback.removal.act_id IS 'The act of the nightly run that names them; it comes before the copy goes';

ALTER TABLE handback.source_poll ALTER COLUMN poll_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME handback.source_poll_poll_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW handback.term_now AS
 SELECT DISTINCT ON (term.source) term.term_id,
    term.source,
    term.partner,
    term.programme,
    term.profile,
    term.lists,
    term.order_by,
    term.within_days,
    term.zone,
    term.holidays,
    term.since
   FROM handback.term
  ORDER BY term.source, term.term_id DESC;

ALTER TABLE handback.term_now OWNER TO handback_owner;

COMMENT ON VIEW handback.term_now IS 'The terms of each source as the last nightly run found them';

ALTER TABLE handback.term ALTER COLUMN term_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME handback.term_term_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW handback.unneeded_copy AS
 SELECT f.file_id,
    f.state,
    f.archived_at,
    f.archived_as
   FROM handback.file f
  WHERE ((f.archived_at IS NOT NULL) AND (NOT (EXISTS ( SELECT
           FROM ((handback.hold h
             LEFT JOIN handback.hold_end e USING (hold_id))
             LEFT JOIN handback.file r ON ((r.release_of = h.file_id)))
          WHERE ((h.file_id = f.file_id) AND ((e.hold_id IS NULL) OR ((e.how = 'released'::text) AND (r.archived_at IS NULL))))))));

ALTER TABLE handback.unneeded_copy OWNER TO handback_owner;

COMMENT ON VIEW handback.unneeded_copy IS 'Archived files that nothing waits for: no hold of them or of their records is open, and what was released is read again';

CREATE TABLE handback.verdict_rule (
    state text NOT NULL,
    verdict smallint NOT NULL,
    age text NOT NULL,
    late_reject text NOT NULL,
    outcome smallint NOT NULL,
    hold_reason text,
    CONSTRAINT verdict_rule_age_check CHECK ((age = ANY (ARRAY['newer'::text, 'older'::text]))),
    CONSTRAINT verdict_rule_check CHECK (((outcome = 6) = (hold_reason IS NOT NULL))),
    CONSTRAINT verdict_rule_check1 CHECK (((outcome <> 2) OR (state = ANY (ARRAY['open'::text, 'confirmed'::text])))),
    CONSTRAINT verdict_rule_check2 CHECK (((state <> 'unknown'::text) OR (outcome = 6))),
    CONSTRAINT verdict_rule_late_reject_check CHECK ((late_reject = ANY (ARRAY['hold'::text, 'reverse'::text]))),
    CONSTRAINT verdict_rule_state_check CHECK ((state = ANY (ARRAY['open'::text, 'confirmed'::text, 'reversed'::text, 'reinstated'::text, 'unknown'::text])))
);

ALTER TABLE handback.verdict_rule OWNER TO handback_owner;

COMMENT ON TABLE handback.verdict_rule IS 'How a record that agrees with its redemption is decided: prior state and verdict give the outcome';

COMMENT ON COLUMN handback.verdict_rule.state IS 'Of the redemption before this record: open, confirmed, reversed, reinstated; unknown when there is none';

COMMENT ON COLUMN handback.verdict_rule.age IS 'This file against the last one that answered the redemption, by the partner''s sequence or business date';

COMMENT ON COLUMN handback.verdict_rule.late_reject IS 'What the profile says of a rejection after a confirmation';

CREATE TABLE handback_schema.migration (
    version integer NOT NULL,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    applied_at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    applied_by text DEFAULT SESSION_USER NOT NULL,
    CONSTRAINT migration_sha256_check CHECK ((length(sha256) = 32)),
    CONSTRAINT migration_version_check CHECK ((version > 0))
);

ALTER TABLE handback_schema.migration OWNER TO handback_owner;

COMMENT ON TABLE handback_schema.migration IS 'One row for each migration, in order; programs refuse to start on another list than their own';

COMMENT ON COLUMN handback_schema.migration.sha256 IS 'Of the file''s text: a file that was applied never changes';

CREATE TABLE ledger.balance (
    member_id bigint NOT NULL,
    points bigint DEFAULT 0 NOT NULL,
    CONSTRAINT balance_points_check CHECK ((points >= 0))
)
WITH (fillfactor='70');

ALTER TABLE ledger.balance OWNER TO handback_owner;

COMMENT ON TABLE ledger.balance IS 'The sum of each member''s entries; follows ledger.entry by itself and takes no other change';

ALTER TABLE ledger.entry ALTER COLUMN entry_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME ledger.entry_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ledger.member ALTER COLUMN member_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME ledger.member_member_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ledger.programme ALTER COLUMN programme_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME ledger.programme_programme_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW ledger.reversal AS
 SELECT r.answers_entry_id AS redemption_id,
    r.entry_id AS reversal_id,
    r.external_reference,
    r.programme_id,
    r.member_id,
    r.points,
    r.posted_at,
    r.posted_by,
    i.entry_id AS reinstatement_id
   FROM (ledger.entry r
     LEFT JOIN ledger.entry i ON ((i.answers_entry_id = r.entry_id)))
  WHERE (r.category = 'Redemption Reversal'::ledger.category);

ALTER TABLE ledger.reversal OWNER TO handback_owner;

COMMENT ON VIEW ledger.reversal IS 'Contract: the reversal of each redemption that has one';

COMMENT ON COLUMN ledger.reversal.reinstatement_id IS 'Set when two people took the reversal back';

ALTER TABLE ONLY audit.act
    ADD CONSTRAINT act_pkey PRIMARY KEY (act_id);

ALTER TABLE ONLY audit.head
    ADD CONSTRAINT head_head_hash_key UNIQUE (head_hash);

ALTER TABLE ONLY audit.head
    ADD CONSTRAINT head_pkey PRIMARY KEY (head_no);

ALTER TABLE ONLY audit.head
    ADD CONSTRAINT head_previous_key UNIQUE (previous);

ALTER TABLE ONLY handback.control
    ADD CONSTRAINT control_pkey PRIMARY KEY (file_id, n);

ALTER TABLE ONLY handback.file
    ADD CONSTRAINT file_pkey PRIMARY KEY (file_id);

ALTER TABLE ONLY handback.hold_end
    ADD CONSTRAINT hold_end_pkey PRIMARY KEY (hold_id);

ALTER TABLE ONLY handback.hold
    ADD CONSTRAINT hold_file_id_record_no_key UNIQUE (file_id, record_no);

ALTER TABLE ONLY handback.hold_guarded
    ADD CONSTRAINT hold_guarded_pkey PRIMARY KEY (hold_id);

ALTER TABLE ONLY handback.hold_note
    ADD CONSTRAINT hold_note_pkey PRIMARY KEY (note_id);

ALTER TABLE ONLY handback.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (hold_id);

ALTER TABLE ONLY handback.hold_reason
    ADD CONSTRAINT hold_reason_pkey PRIMARY KEY (reason);

ALTER TABLE ONLY handback.issue_file
    ADD CONSTRAINT issue_file_pkey PRIMARY KEY (file_id);

ALTER TABLE ONLY handback.issue_missing
    ADD CONSTRAINT issue_missing_pkey PRIMARY KEY (issue_id);

ALTER TABLE ONLY handback.issue
    ADD CONSTRAINT issue_pkey PRIMARY KEY (issue_id);

ALTER TABLE ONLY handback.issue
    ADD CONSTRAINT issue_source_kind_day_key UNIQUE (source, kind, day);

ALTER TABLE ONLY handback.outcome_name
    ADD CONSTRAINT outcome_name_name_key UNIQUE (name);

ALTER TABLE ONLY handback.outcome_name
    ADD CONSTRAINT outcome_name_pkey PRIMARY KEY (outcome);

ALTER TABLE ONLY handback.partner
    ADD CONSTRAINT partner_code_key UNIQUE (code);

ALTER TABLE ONLY handback.partner
    ADD CONSTRAINT partner_pkey PRIMARY KEY (partner_id);

ALTER TABLE ONLY handback.proposal_end
    ADD CONSTRAINT proposal_end_pkey PRIMARY KEY (proposal_id);

ALTER TABLE ONLY handback.proposal_hold
    ADD CONSTRAINT proposal_hold_pkey PRIMARY KEY (proposal_id, hold_id);

ALTER TABLE ONLY handback.proposal
    ADD CONSTRAINT proposal_pkey PRIMARY KEY (proposal_id);

ALTER TABLE ONLY handback.proposal
    ADD CONSTRAINT proposal_proposal_id_proposed_by_key UNIQUE (proposal_id, proposed_by);

ALTER TABLE ONLY handback.refusal
    ADD CONSTRAINT refusal_pkey PRIMARY KEY (file_id, n);

ALTER TABLE ONLY handback.release_failure
    ADD CONSTRAINT release_failure_pkey PRIMARY KEY (failure_id);

ALTER TABLE ONLY handback.removal
    ADD CONSTRAINT removal_pkey PRIMARY KEY (file_id);

ALTER TABLE ONLY handback.source_poll
    ADD CONSTRAINT source_poll_pkey PRIMARY KEY (poll_id);

ALTER TABLE ONLY handback.term
    ADD CONSTRAINT term_pkey PRIMARY KEY (term_id);

ALTER TABLE ONLY handback.tie_out
    ADD CONSTRAINT tie_out_pkey PRIMARY KEY (file_id, outcome);

ALTER TABLE ONLY handback.verdict_name
    ADD CONSTRAINT verdict_name_name_key UNIQUE (name);

ALTER TABLE ONLY handback.verdict_name
    ADD CONSTRAINT verdict_name_pkey PRIMARY KEY (verdict);

ALTER TABLE ONLY handback.verdict_rule
    ADD CONSTRAINT verdict_rule_pkey PRIMARY KEY (state, verdict, age, late_reject);

ALTER TABLE ONLY handback_schema.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (version);

ALTER TABLE ONLY ledger.balance
    ADD CONSTRAINT balance_pkey PRIMARY KEY (member_id);

ALTER TABLE ONLY ledger.entry
    ADD CONSTRAINT entry_pkey PRIMARY KEY (entry_id);

ALTER TABLE ONLY ledger.member
    ADD CONSTRAINT member_pkey PRIMARY KEY (member_id);

ALTER TABLE ONLY ledger.member
    ADD CONSTRAINT member_programme_id_relation_reference_key UNIQUE (programme_id, relation_reference);

ALTER TABLE ONLY ledger.programme
    ADD CONSTRAINT programme_code_key UNIQUE (code);

ALTER TABLE ONLY ledger.programme
    ADD CONSTRAINT programme_pkey PRIMARY KEY (programme_id);

CREATE UNIQUE INDEX head_of_file ON audit.head USING btree (file_id) WHERE (file_id IS NOT NULL);

CREATE INDEX file_by_business_date ON handback.file USING btree (partner_id, profile, business_date);

CREATE INDEX file_by_content ON handback.file USING btree (sha256);

CREATE INDEX file_by_part ON handback.file USING btree (partner_id, profile, part_set) WHERE (part_set IS NOT NULL);

CREATE INDEX file_by_sequence ON handback.file USING btree (partner_id, profile, sequence);

CREATE UNIQUE INDEX file_content ON handback.file USING btree (sha256) WHERE ((state <> 'duplicate'::handback.file_state) AND (release_of IS NULL));

CREATE INDEX file_not_archived ON handback.file USING btree (file_id) WHERE (archived_at IS NULL);

CREATE UNIQUE INDEX file_release ON handback.file USING btree (release_of) WHERE (release_of IS NOT NULL);

CREATE INDEX hold_note_by_hold ON handback.hold_note USING btree (hold_id);

CREATE UNIQUE INDEX hold_whole_file ON handback.hold USING btree (file_id) WHERE (record_no IS NULL);

CREATE INDEX issue_file_by_issue ON handback.issue_file USING btree (issue_id);

CREATE INDEX outcome_by_file ON handback.outcome USING brin (file_id, record_no) WITH (pages_per_range='32');

CREATE INDEX outcome_later ON handback.outcome USING btree (act_id) WHERE (revision > 0);

CREATE UNIQUE INDEX outcome_once ON handback.outcome USING btree (redemption_id, outcome) WHERE (outcome = ANY (ARRAY[1, 2, 7]));

CREATE INDEX outcome_other ON handback.outcome USING btree (redemption_id) WHERE (outcome <> ALL (ARRAY[1, 2, 7]));

CREATE INDEX proposal_hold_by_hold ON handback.proposal_hold USING btree (hold_id);

CREATE INDEX release_failure_by_file ON handback.release_failure USING btree (file_id, failure_id);

CREATE INDEX source_poll_by_source ON handback.source_poll USING btree (source, poll_id);

CREATE INDEX term_by_source ON handback.term USING btree (source, term_id);

CREATE UNIQUE INDEX entry_answers ON ledger.entry USING btree (answers_entry_id) WHERE (answers_entry_id IS NOT NULL);

CREATE UNIQUE INDEX entry_external_reference ON ledger.entry USING btree (external_reference);

CREATE INDEX entry_member ON ledger.entry USING btree (member_id, posted_at);

CREATE INDEX entry_outbound_reference ON ledger.entry USING btree (outbound_reference) WHERE (outbound_reference IS NOT NULL);

CREATE INDEX entry_partner_reference ON ledger.entry USING btree (partner_reference) WHERE (partner_reference IS NOT NULL);

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.act FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.head FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER check_head BEFORE INSERT ON audit.head FOR EACH ROW EXECUTE FUNCTION audit.check_head();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.control FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON handback.file FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.hold FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.hold_end FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.hold_guarded FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.hold_note FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.issue FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.issue_file FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.issue_missing FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.outcome FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.partner FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.proposal FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.proposal_end FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.proposal_hold FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.refusal FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.release_failure FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.removal FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.source_poll FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.term FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handback.tie_out FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER check_archived BEFORE UPDATE ON handback.file FOR EACH ROW EXECUTE FUNCTION handback.check_archived();

CREATE CONSTRAINT TRIGGER check_file_has_head AFTER INSERT ON handback.file DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.check_file_has_head();

CREATE TRIGGER check_holds AFTER INSERT ON handback.hold REFERENCING NEW TABLE AS opened FOR EACH STATEMENT EXECUTE FUNCTION handback.check_holds();

CREATE CONSTRAINT TRIGGER check_release AFTER INSERT ON handback.file DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.release_of IS NOT NULL)) EXECUTE FUNCTION handback.check_release();

CREATE CONSTRAINT TRIGGER check_released AFTER INSERT ON handback.hold_end DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.how = 'released'::text)) EXECUTE FUNCTION handback.check_released();

CREATE TRIGGER check_removal BEFORE INSERT ON handback.removal FOR EACH ROW EXECUTE FUNCTION handback.check_removal();

CREATE CONSTRAINT TRIGGER check_tie_out AFTER INSERT ON handback.file DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION handback.check_tie_out();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.entry FOR EACH STATEMENT EXECUTE FUNCTION handback_schema.refuse_change();

CREATE TRIGGER check_posted AFTER INSERT ON ledger.entry REFERENCING NEW TABLE AS posted FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_posted();

CREATE TRIGGER follows_entries BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON ledger.balance FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_direct_balance();

CREATE TRIGGER open_balance AFTER INSERT ON ledger.member REFERENCING NEW TABLE AS joined FOR EACH STATEMENT EXECUTE FUNCTION ledger.open_balance();

CREATE TRIGGER stays BEFORE DELETE OR UPDATE OF member_id, programme_id OR TRUNCATE ON ledger.member FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_other_member();

CREATE TRIGGER stays BEFORE DELETE OR UPDATE OF programme_id OR TRUNCATE ON ledger.programme FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_other_member();

ALTER TABLE ONLY audit.act
    ADD CONSTRAINT act_head_no_fkey FOREIGN KEY (head_no) REFERENCES audit.head(head_no) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY audit.head
    ADD CONSTRAINT head_file_id_fkey FOREIGN KEY (file_id) REFERENCES handback.file(file_id);

ALTER TABLE ONLY handback.control
    ADD CONSTRAINT control_file_id_fkey FOREIGN KEY (file_id) REFERENCES handback.file(file_id);

ALTER TABLE ONLY handback.file
    ADD CONSTRAINT file_duplicate_of_fkey FOREIGN KEY (duplicate_of) REFERENCES handback.file(file_id);

ALTER TABLE ONLY handback.file
    ADD CONSTRAINT file_hold_reason_fkey FOREIGN KEY (hold_reason) REFERENCES handback.hold_reason(reason);

ALTER TABLE ONLY handback.file
    ADD CONSTRAINT file_partner_id_fkey FOREIGN KEY (partner_id) REFERENCES handback.partner(partner_id);

ALTER TABLE ONLY handback.file
    ADD CONSTRAINT file_release_of_fkey FOREIGN KEY (release_of) REFERENCES handback.file(file_id);

ALTER TABLE ONLY handback.hold_end
    ADD CONSTRAINT hold_end_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES handback.hold(hold_id);

ALTER TABLE ONLY handback.hold_guarded
    ADD CONSTRAINT hold_guarded_act_id_fkey FOREIGN KEY (act_id) REFERENCES audit.act(act_id);

ALTER TABLE ONLY handback.hold_guarded
    ADD CONSTRAINT hold_guarded_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES handback.hold(hold_id);

ALTER TABLE ONLY handback.hold_guarded
    ADD CONSTRAINT hold_guarded_outcome_fkey FOREIGN KEY (outcome) REFERENCES handback.outcome_name(outcome);

ALTER TABLE ONLY handback.hold_note
    ADD CONSTRAINT hold_note_act_id_fkey FOREIGN KEY (act_id) REFERENCES audit.act(act_id);

ALTER TABLE ONLY handback.hold_note
    ADD CONSTRAINT hold_note_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES handback.hold(hold_id);

ALTER TABLE ONLY handback.issue_file
    ADD CONSTRAINT issue_file_file_id_fkey FOREIGN KEY (file_id) REFERENCES handback.file(file_id);

ALTER TABLE ONLY handback.issue_file
    ADD CONSTRAINT issue_file_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES handback.issue(issue_id);

ALTER TABLE ONLY handback.issue_missing
    ADD CONSTRAINT issue_missing_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES handback.issue(issue_id);

ALTER TABLE ONLY handback.proposal
    ADD CONSTRAINT proposal_act_id_fkey FOREIGN KEY (act_id) REFERENCES audit.act(act_id);

ALTER TABLE ONLY handback.proposal_end
    ADD CONSTRAINT proposal_end_act_id_fkey FOREIGN KEY (act_id) REFERENCES audit.act(act_id);

ALTER TABLE ONLY handback.proposal_end
    ADD CONSTRAINT proposal_end_proposal_id_proposed_by_fkey FOREIGN KEY (proposal_id, proposed_by) REFERENCES handback.proposal(proposal_id, proposed_by);

ALTER TABLE ONLY handback.proposal_hold
    ADD CONSTRAINT proposal_hold_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES handback.hold(hold_id);

ALTER TABLE ONLY handback.proposal_hold
    ADD CONSTRAINT proposal_hold_proposal_id_fkey FOREIGN KEY (proposal_id) REFERENCES handback.proposal(proposal_id);

ALTER TABLE ONLY handback.refusal
    ADD CONSTRAINT refusal_file_id_fkey FOREIGN KEY (file_id) REFERENCES handback.file(file_id);

ALTER TABLE ONLY handback.release_failure
    ADD CONSTRAINT release_failure_file_id_fkey FOREIGN KEY (file_id) REFERENCES handback.file(file_id);

ALTER TABLE ONLY handback.removal
    ADD CONSTRAINT removal_act_id_fkey FOREIGN KEY (act_id) REFERENCES audit.act(act_id);

ALTER TABLE ONLY handback.removal
    ADD CONSTRAINT removal_file_id_fkey FOREIGN KEY (file_id) REFERENCES handback.file(file_id);

ALTER TABLE ONLY handback.tie_out
    ADD CONSTRAINT tie_out_file_id_fkey FOREIGN KEY (file_id) REFERENCES handback.file(file_id);

ALTER TABLE ONLY handback.tie_out
    ADD CONSTRAINT tie_out_outcome_fkey FOREIGN KEY (outcome) REFERENCES handback.outcome_name(outcome);

ALTER TABLE ONLY handback.verdict_rule
    ADD CONSTRAINT verdict_rule_hold_reason_fkey FOREIGN KEY (hold_reason) REFERENCES handback.hold_reason(reason);

ALTER TABLE ONLY handback.verdict_rule
    ADD CONSTRAINT verdict_rule_outcome_fkey FOREIGN KEY (outcome) REFERENCES handback.outcome_name(outcome);

ALTER TABLE ONLY handback.verdict_rule
    ADD CONSTRAINT verdict_rule_verdict_fkey FOREIGN KEY (verdict) REFERENCES handback.verdict_name(verdict);

ALTER TABLE ONLY ledger.balance
    ADD CONSTRAINT balance_member_id_fkey FOREIGN KEY (member_id) REFERENCES ledger.member(member_id);

ALTER TABLE ONLY ledger.member
    ADD CONSTRAINT member_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES ledger.programme(programme_id);

GRANT USAGE ON SCHEMA audit TO handback_daemon;
GRANT USAGE ON SCHEMA audit TO handback_operator;
GRANT USAGE ON SCHEMA audit TO handback_finance;

GRANT USAGE ON SCHEMA handback TO handback_daemon;
GRANT USAGE ON SCHEMA handback TO handback_operator;
GRANT USAGE ON SCHEMA handback TO handback_finance;

GRANT USAGE ON SCHEMA handback_schema TO handback_daemon;
GRANT USAGE ON SCHEMA handback_schema TO handback_operator;
GRANT USAGE ON SCHEMA handback_schema TO handback_finance;

GRANT USAGE ON SCHEMA ledger TO handback_daemon;
GRANT USAGE ON SCHEMA ledger TO handback_operator;
GRANT USAGE ON SCHEMA ledger TO handback_finance;

REVOKE ALL ON FUNCTION audit.append_act(what text, subject text, why text, detail text, leaves bigint, root bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION audit.append_act(what text, subject text, why text, detail text, leaves bigint, root bytea) TO handback_daemon;
GRANT ALL ON FUNCTION audit.append_act(what text, subject text, why text, detail text, leaves bigint, root bytea) TO handback_operator;

REVOKE ALL ON FUNCTION audit.at_of(number bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION audit.chain_end() FROM PUBLIC;
GRANT ALL ON FUNCTION audit.chain_end() TO handback_daemon;

REVOKE ALL ON FUNCTION audit.check_file_has_head() FROM PUBLIC;

REVOKE ALL ON FUNCTION audit.check_head() FROM PUBLIC;

REVOKE ALL ON FUNCTION audit.escaped(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION audit.escaped(value text) TO handback_daemon;
GRANT ALL ON FUNCTION audit.escaped(value text) TO handback_operator;
GRANT ALL ON FUNCTION audit.escaped(value text) TO handback_finance;

REVOKE ALL ON FUNCTION audit.merkle_root(leaves bytea[]) FROM PUBLIC;
GRANT ALL ON FUNCTION audit.merkle_root(leaves bytea[]) TO handback_daemon;
GRANT ALL ON FUNCTION audit.merkle_root(leaves bytea[]) TO handback_operator;
GRANT ALL ON FUNCTION audit.merkle_root(leaves bytea[]) TO handback_finance;

REVOKE ALL ON FUNCTION audit.microseconds(at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION audit.microseconds(at timestamp with time zone) TO handback_daemon;
GRANT ALL ON FUNCTION audit.microseconds(at timestamp with time zone) TO handback_operator;
GRANT ALL ON FUNCTION audit.microseconds(at timestamp with time zone) TO handback_finance;

REVOKE ALL ON FUNCTION handback.answers_due_before(days integer, zone text, now timestamp with time zone, holidays date[]) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.answers_due_before(days integer, zone text, now timestamp with time zone, holidays date[]) TO handback_daemon;
GRANT ALL ON FUNCTION handback.answers_due_before(days integer, zone text, now timestamp with time zone, holidays date[]) TO handback_operator;
GRANT ALL ON FUNCTION handback.answers_due_before(days integer, zone text, now timestamp with time zone, holidays date[]) TO handback_finance;

REVOKE ALL ON FUNCTION handback.approve(proposal bigint, comment text) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.approve(proposal bigint, comment text) TO handback_operator;

REVOKE ALL ON FUNCTION handback.assign_hold(hold bigint, to_whom text, comment text) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.assign_hold(hold bigint, to_whom text, comment text) TO handback_operator;

REVOKE ALL ON FUNCTION handback.business_days_after(at timestamp with time zone, days integer, zone text, holidays date[]) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.business_days_after(at timestamp with time zone, days integer, zone text, holidays date[]) TO handback_daemon;
GRANT ALL ON FUNCTION handback.business_days_after(at timestamp with time zone, days integer, zone text, holidays date[]) TO handback_operator;
GRANT ALL ON FUNCTION handback.business_days_after(at timestamp with time zone, days integer, zone text, holidays date[]) TO handback_finance;

REVOKE ALL ON FUNCTION handback.check_archived() FROM PUBLIC;

REVOKE ALL ON FUNCTION handback.check_holds() FROM PUBLIC;

REVOKE ALL ON FUNCTION handback.check_release() FROM PUBLIC;

REVOKE ALL ON FUNCTION handback.check_released() FROM PUBLIC;

REVOKE ALL ON FUNCTION handback.check_removal() FROM PUBLIC;

REVOKE ALL ON FUNCTION handback.check_tie_out() FROM PUBLIC;

REVOKE ALL ON FUNCTION handback.comment_hold(hold bigint, comment text) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.comment_hold(hold bigint, comment text) TO handback_operator;

GRANT SELECT,INSERT ON TABLE handback.term TO handback_daemon;
GRANT SELECT ON TABLE handback.term TO handback_operator;
GRANT SELECT ON TABLE handback.term TO handback_finance;

REVOKE ALL ON FUNCTION handback.covering_file(t handback.term, day date, over timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.covering_file(t handback.term, day date, over timestamp with time zone) TO handback_daemon;
GRANT ALL ON FUNCTION handback.covering_file(t handback.term, day date, over timestamp with time zone) TO handback_operator;
GRANT ALL ON FUNCTION handback.covering_file(t handback.term, day date, over timestamp with time zone) TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.hold TO handback_daemon;
GRANT SELECT ON TABLE handback.hold TO handback_operator;
GRANT SELECT ON TABLE handback.hold TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.outcome TO handback_daemon;
GRANT SELECT ON TABLE handback.outcome TO handback_operator;
GRANT SELECT ON TABLE handback.outcome TO handback_finance;

REVOKE ALL ON FUNCTION handback.decided_row(decision text, h handback.hold, redemption bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION handback.due_at(day date, minute integer, zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.due_at(day date, minute integer, zone text) TO handback_daemon;
GRANT ALL ON FUNCTION handback.due_at(day date, minute integer, zone text) TO handback_operator;
GRANT ALL ON FUNCTION handback.due_at(day date, minute integer, zone text) TO handback_finance;

REVOKE ALL ON FUNCTION handback.fits(name text, pattern text) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.fits(name text, pattern text) TO handback_daemon;
GRANT ALL ON FUNCTION handback.fits(name text, pattern text) TO handback_operator;
GRANT ALL ON FUNCTION handback.fits(name text, pattern text) TO handback_finance;

REVOKE ALL ON FUNCTION handback.issue_of(wanted_source text, at timestamp with time zone, name text, OUT issue_id bigint, OUT how text) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.issue_of(wanted_source text, at timestamp with time zone, name text, OUT issue_id bigint, OUT how text) TO handback_daemon;

REVOKE ALL ON FUNCTION handback.last_number(of_partner integer, of_profile text) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.last_number(of_partner integer, of_profile text) TO handback_daemon;
GRANT ALL ON FUNCTION handback.last_number(of_partner integer, of_profile text) TO handback_operator;
GRANT ALL ON FUNCTION handback.last_number(of_partner integer, of_profile text) TO handback_finance;

REVOKE ALL ON FUNCTION handback.leaf(o handback.outcome) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.leaf(o handback.outcome) TO handback_daemon;
GRANT ALL ON FUNCTION handback.leaf(o handback.outcome) TO handback_operator;
GRANT ALL ON FUNCTION handback.leaf(o handback.outcome) TO handback_finance;

REVOKE ALL ON FUNCTION handback.leaf_hash(o handback.outcome) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.leaf_hash(o handback.outcome) TO handback_daemon;
GRANT ALL ON FUNCTION handback.leaf_hash(o handback.outcome) TO handback_operator;
GRANT ALL ON FUNCTION handback.leaf_hash(o handback.outcome) TO handback_finance;

REVOKE ALL ON FUNCTION handback.let_pass(released bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.let_pass(released bigint) TO handback_daemon;
GRANT ALL ON FUNCTION handback.let_pass(released bigint) TO handback_operator;
GRANT ALL ON FUNCTION handback.let_pass(released bigint) TO handback_finance;

REVOKE ALL ON FUNCTION handback.listing_files(t handback.term) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.listing_files(t handback.term) TO handback_daemon;
GRANT ALL ON FUNCTION handback.listing_files(t handback.term) TO handback_operator;
GRANT ALL ON FUNCTION handback.listing_files(t handback.term) TO handback_finance;

REVOKE ALL ON FUNCTION handback.lock_holds(wanted bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION handback.lock_partners(wanted bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION handback.make_issues(wanted_source text, wanted_kind text, wanted_zone text, due_minute integer, week_days integer, grace_minutes integer, wanted_files integer, now timestamp with time zone, wanted_pattern text, wanted_empty boolean, holidays date[]) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.make_issues(wanted_source text, wanted_kind text, wanted_zone text, due_minute integer, week_days integer, grace_minutes integer, wanted_files integer, now timestamp with time zone, wanted_pattern text, wanted_empty boolean, holidays date[]) TO handback_daemon;

GRANT SELECT ON TABLE handback.proposal TO handback_daemon;
GRANT SELECT ON TABLE handback.proposal TO handback_operator;
GRANT SELECT ON TABLE handback.proposal TO handback_finance;

REVOKE ALL ON FUNCTION handback.open_proposal(proposal bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION handback.overdue_answers(t handback.term, now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.overdue_answers(t handback.term, now timestamp with time zone) TO handback_daemon;
GRANT ALL ON FUNCTION handback.overdue_answers(t handback.term, now timestamp with time zone) TO handback_operator;
GRANT ALL ON FUNCTION handback.overdue_answers(t handback.term, now timestamp with time zone) TO handback_finance;

REVOKE ALL ON FUNCTION handback.parts_there(of_partner integer, of_profile text, of_set text) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.parts_there(of_partner integer, of_profile text, of_set text) TO handback_daemon;
GRANT ALL ON FUNCTION handback.parts_there(of_partner integer, of_profile text, of_set text) TO handback_operator;
GRANT ALL ON FUNCTION handback.parts_there(of_partner integer, of_profile text, of_set text) TO handback_finance;

REVOKE ALL ON FUNCTION handback.place_files(wanted_source text) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.place_files(wanted_source text) TO handback_daemon;

REVOKE ALL ON FUNCTION handback.propose(holds bigint[], decision text, why text, redemption uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.propose(holds bigint[], decision text, why text, redemption uuid) TO handback_operator;

REVOKE ALL ON FUNCTION handback.redemption_state(redemption bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.redemption_state(redemption bigint) TO handback_daemon;
GRANT ALL ON FUNCTION handback.redemption_state(redemption bigint) TO handback_operator;
GRANT ALL ON FUNCTION handback.redemption_state(redemption bigint) TO handback_finance;

REVOKE ALL ON FUNCTION handback.reject(proposal bigint, why text) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.reject(proposal bigint, why text) TO handback_operator;

REVOKE ALL ON FUNCTION handback.removed_at(file bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.removed_at(file bigint) TO handback_daemon;
GRANT ALL ON FUNCTION handback.removed_at(file bigint) TO handback_operator;
GRANT ALL ON FUNCTION handback.removed_at(file bigint) TO handback_finance;

REVOKE ALL ON FUNCTION handback.term_said(t handback.term) FROM PUBLIC;
GRANT ALL ON FUNCTION handback.term_said(t handback.term) TO handback_daemon;
GRANT ALL ON FUNCTION handback.term_said(t handback.term) TO handback_operator;
GRANT ALL ON FUNCTION handback.term_said(t handback.term) TO handback_finance;

REVOKE ALL ON FUNCTION handback.why_not(decision text, h handback.hold, redemption bigint) FROM PUBLIC;

REVOKE ALL ON PROCEDURE handback_schema.make_append_only(IN relation regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION handback_schema.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.check_availability(programme text, member text, points bigint, OUT code text, OUT message text, OUT available bigint, OUT amount bigint, OUT currency text) FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.check_posted() FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.open_balance() FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.post_answers(answered_ids bigint[], answered ledger.category, answer ledger.category) FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.post_reinstatements(reversal_ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.post_reversals(redemption_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.post_reversals(redemption_ids bigint[]) TO handback_daemon;

REVOKE ALL ON FUNCTION ledger.redeem_points(programme text, member text, points bigint, merchant text, transaction_type integer, partner text, outbound_reference text, partner_reference text, OUT code text, OUT message text, OUT external_reference uuid, OUT amount bigint, OUT currency text) FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.refuse_direct_balance() FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.refuse_other_member() FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.reversal_points(programme text, member text, merchant text, redemption uuid, OUT code text, OUT message text, OUT external_reference uuid, OUT points bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.why_not(m ledger.member, p ledger.programme, points bigint, OUT code text, OUT message text) FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.worth(points bigint, rate_points bigint, rate_minor bigint) FROM PUBLIC;

GRANT SELECT ON TABLE audit.act TO handback_daemon;
GRANT SELECT ON TABLE audit.act TO handback_operator;
GRANT SELECT ON TABLE audit.act TO handback_finance;

GRANT SELECT,INSERT ON TABLE audit.head TO handback_daemon;
GRANT SELECT ON TABLE audit.head TO handback_operator;
GRANT SELECT ON TABLE audit.head TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.control TO handback_daemon;
GRANT SELECT ON TABLE handback.control TO handback_operator;
GRANT SELECT ON TABLE handback.control TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.issue TO handback_daemon;
GRANT SELECT ON TABLE handback.issue TO handback_operator;
GRANT SELECT ON TABLE handback.issue TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.issue_file TO handback_daemon;
GRANT SELECT ON TABLE handback.issue_file TO handback_operator;
GRANT SELECT ON TABLE handback.issue_file TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.issue_missing TO handback_daemon;
GRANT SELECT ON TABLE handback.issue_missing TO handback_operator;
GRANT SELECT ON TABLE handback.issue_missing TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.source_poll TO handback_daemon;
GRANT SELECT ON TABLE handback.source_poll TO handback_operator;
GRANT SELECT ON TABLE handback.source_poll TO handback_finance;

GRANT SELECT ON TABLE handback.expected_files TO handback_daemon;
GRANT SELECT ON TABLE handback.expected_files TO handback_operator;
GRANT SELECT ON TABLE handback.expected_files TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.file TO handback_daemon;
GRANT SELECT ON TABLE handback.file TO handback_operator;
GRANT SELECT ON TABLE handback.file TO handback_finance;

GRANT UPDATE(archived_at) ON TABLE handback.file TO handback_daemon;

GRANT UPDATE(archived_as) ON TABLE handback.file TO handback_daemon;

GRANT USAGE ON SEQUENCE handback.file_file_id_seq TO handback_daemon;

GRANT SELECT,INSERT ON TABLE handback.partner TO handback_daemon;
GRANT SELECT ON TABLE handback.partner TO handback_operator;
GRANT SELECT ON TABLE handback.partner TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.tie_out TO handback_daemon;
GRANT SELECT ON TABLE handback.tie_out TO handback_operator;
GRANT SELECT ON TABLE handback.tie_out TO handback_finance;

GRANT SELECT ON TABLE handback.files TO handback_daemon;
GRANT SELECT ON TABLE handback.files TO handback_operator;
GRANT SELECT ON TABLE handback.files TO handback_finance;

GRANT SELECT ON TABLE handback.hold_end TO handback_daemon;
GRANT SELECT ON TABLE handback.hold_end TO handback_operator;
GRANT SELECT ON TABLE handback.hold_end TO handback_finance;

GRANT INSERT(hold_id) ON TABLE handback.hold_end TO handback_daemon;

GRANT INSERT(how) ON TABLE handback.hold_end TO handback_daemon;

GRANT SELECT,INSERT ON TABLE handback.hold_guarded TO handback_daemon;
GRANT SELECT ON TABLE handback.hold_guarded TO handback_operator;
GRANT SELECT ON TABLE handback.hold_guarded TO handback_finance;

GRANT USAGE ON SEQUENCE handback.hold_hold_id_seq TO handback_daemon;

GRANT SELECT ON TABLE handback.hold_note TO handback_daemon;
GRANT SELECT ON TABLE handback.hold_note TO handback_operator;
GRANT SELECT ON TABLE handback.hold_note TO handback_finance;

GRANT SELECT ON TABLE handback.hold_now TO handback_daemon;
GRANT SELECT ON TABLE handback.hold_now TO handback_operator;
GRANT SELECT ON TABLE handback.hold_now TO handback_finance;

GRANT SELECT ON TABLE handback.hold_reason TO handback_daemon;
GRANT SELECT ON TABLE handback.hold_reason TO handback_operator;
GRANT SELECT ON TABLE handback.hold_reason TO handback_finance;

GRANT USAGE ON SEQUENCE handback.issue_issue_id_seq TO handback_daemon;

GRANT SELECT ON TABLE handback.open_holds TO handback_daemon;
GRANT SELECT ON TABLE handback.open_holds TO handback_operator;
GRANT SELECT ON TABLE handback.open_holds TO handback_finance;

GRANT SELECT ON TABLE handback.outcome_name TO handback_daemon;
GRANT SELECT ON TABLE handback.outcome_name TO handback_operator;
GRANT SELECT ON TABLE handback.outcome_name TO handback_finance;

GRANT USAGE ON SEQUENCE handback.partner_partner_id_seq TO handback_daemon;

GRANT SELECT ON TABLE handback.proposal_end TO handback_daemon;
GRANT SELECT ON TABLE handback.proposal_end TO handback_operator;
GRANT SELECT ON TABLE handback.proposal_end TO handback_finance;

GRANT SELECT ON TABLE handback.proposal_hold TO handback_daemon;
GRANT SELECT ON TABLE handback.proposal_hold TO handback_operator;
GRANT SELECT ON TABLE handback.proposal_hold TO handback_finance;

GRANT SELECT ON TABLE handback.verdict_name TO handback_daemon;
GRANT SELECT ON TABLE handback.verdict_name TO handback_operator;
GRANT SELECT ON TABLE handback.verdict_name TO handback_finance;

GRANT SELECT ON TABLE ledger.entry TO handback_operator;
GRANT SELECT ON TABLE ledger.entry TO handback_finance;

GRANT SELECT ON TABLE ledger.redemption TO handback_daemon;
GRANT SELECT ON TABLE ledger.redemption TO handback_operator;
GRANT SELECT ON TABLE ledger.redemption TO handback_finance;

GRANT SELECT ON TABLE handback.records_in_words TO handback_daemon;
GRANT SELECT ON TABLE handback.records_in_words TO handback_operator;
GRANT SELECT ON TABLE handback.records_in_words TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.refusal TO handback_daemon;
GRANT SELECT ON TABLE handback.refusal TO handback_operator;
GRANT SELECT ON TABLE handback.refusal TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.release_failure TO handback_daemon;
GRANT SELECT ON TABLE handback.release_failure TO handback_operator;
GRANT SELECT ON TABLE handback.release_failure TO handback_finance;

GRANT USAGE ON SEQUENCE handback.release_failure_failure_id_seq TO handback_daemon;

GRANT SELECT ON TABLE handback.release_waiting TO handback_daemon;
GRANT SELECT ON TABLE handback.release_waiting TO handback_operator;
GRANT SELECT ON TABLE handback.release_waiting TO handback_finance;

GRANT SELECT,INSERT ON TABLE handback.removal TO handback_daemon;
GRANT SELECT ON TABLE handback.removal TO handback_operator;
GRANT SELECT ON TABLE handback.removal TO handback_finance;

GRANT USAGE ON SEQUENCE handback.source_poll_poll_id_seq TO handback_daemon;

GRANT SELECT ON TABLE handback.term_now TO handback_daemon;
GRANT SELECT ON TABLE handback.term_now TO handback_operator;
GRANT SELECT ON TABLE handback.term_now TO handback_finance;

GRANT USAGE ON SEQUENCE handback.term_term_id_seq TO handback_daemon;

GRANT SELECT ON TABLE handback.unneeded_copy TO handback_daemon;
GRANT SELECT ON TABLE handback.unneeded_copy TO handback_operator;
GRANT SELECT ON TABLE handback.unneeded_copy TO handback_finance;

GRANT SELECT ON TABLE handback.verdict_rule TO handback_daemon;
GRANT SELECT ON TABLE handback.verdict_rule TO handback_operator;
GRANT SELECT ON TABLE handback.verdict_rule TO handback_finance;

GRANT SELECT ON TABLE handback_schema.migration TO handback_daemon;
GRANT SELECT ON TABLE handback_schema.migration TO handback_operator;
GRANT SELECT ON TABLE handback_schema.migration TO handback_finance;

GRANT SELECT ON TABLE ledger.balance TO handback_operator;
GRANT SELECT ON TABLE ledger.balance TO handback_finance;

GRANT SELECT ON TABLE ledger.reversal TO handback_daemon;
GRANT SELECT ON TABLE ledger.reversal TO handback_operator;
GRANT SELECT ON TABLE ledger.reversal TO handback_finance;

ALTER DEFAULT PRIVILEGES FOR ROLE handback_owner REVOKE ALL ON FUNCTIONS  FROM PUBLIC;
