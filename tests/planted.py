"""The bugs that ./dev teeth plants, each a real temptation: what it breaks, and which test has to see it.

A bug is a change of the sources' text, made in a copy of the tree: nothing of it is ever in the sources, and no
program that could be shipped contains one.  Its old text has to stand exactly once (test_teeth.py holds that),
so that a bug cannot quietly become one that is no longer planted.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Bug:
    name: str
    breaks: str
    test: str       # tests/test_x.py::name (every case of it), or tests/unit/test_x.c::name
    path: str
    old: str
    new: str
    sample: bool = False  # one of those that ./dev test plants


BUGS = (
    # ---- the disk
    Bug("rename without fsync", "after a crash the archive may have a name and no bytes",
        "tests/test_durable.py::test_a_posted_file_is_on_the_disk_before_each_next_step", "base/io.c",
        "if (fsync(file) < 0 || rename_new(", "(void) file;\n\tif (rename_new("),
    Bug("rename without fsync of the directory", "after a crash the archived file may have no name",
        "tests/test_durable.py::test_a_posted_file_is_on_the_disk_before_each_next_step", "base/io.c",
        "return fsync(to_dir) < 0 || fsync(from_dir) < 0 ? -1 : 0;", "return 0;"),
    Bug("commit before the copy is on the disk", "the ledger is moved by a file that a crash takes away",
        "tests/test_durable.py::test_a_posted_file_is_on_the_disk_before_each_next_step", "reconcile/job.c",
        "if (end == JOB_DONE && copy_sync(&w->copy) < 0)", "if (false && copy_sync(&w->copy) < 0)"),
    Bug("retry an fsync that failed", "the second answer says yes of pages that are lost",
        "tests/test_durable.py::test_an_archive_that_cannot_be_synced_keeps_the_original", "base/io.c",
        "if (fsync(file) < 0 || rename_new(", "if ((fsync(file) < 0 && fsync(file) < 0) || rename_new("),
    Bug("a reason without fsync", "after a crash nobody knows why a file is held",
        "tests/test_durable.py::test_a_held_file_and_its_reason_are_on_the_disk", "base/io.c",
        "fchmod(fd, mode) < 0 || fsync(fd) < 0 ||\n", "fchmod(fd, mode) < 0 ||\n"),
    Bug("remove the original before it is archived", "a crash in between leaves no file at all",
        "tests/test_durable.py::test_a_posted_file_is_on_the_disk_before_each_next_step", "reconcile/job.c",
        "\tif (archive_copy(&r->spool, &w->copy, path) < 0)",
        "\tcopy_remove_source(w->job->dir, w->job->name, &w->copy);\n\tif (archive_copy(&r->spool, &w->copy, path) < 0)"),
    # ---- the partner's file
    Bug("trust mtime", "a file that was changed and dated back is removed unread",
        "tests/unit/test_copy.c::test_dated_back", "reconcile/copy.c",
        "return same_file(a, b) && a->st_size == b->st_size && a->st_nlink == b->st_nlink &&\n"
        "\t       memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&\n"
        "\t       memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;",
        "return same_file(a, b) && memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0;", sample=True),
    Bug("ask for writers only once", "what somebody writes while it is read is posted half",
        "tests/test_durable.py::test_opened_for_writing_while_it_is_read", "reconcile/copy.c",
        "\tif (has_writer(source))\n", "\tif (false)\n"),
    Bug("follow a link", "a partner has us read, and remove, any file of the machine",
        "tests/unit/test_copy.c::test_not_a_file", "reconcile/copy.c",
        "if (S_ISLNK(st->st_mode))", "if (false)", sample=True),
    Bug("take a short answer for the end", "a file that comes slowly is posted cut",
        "tests/test_fetch_hostile.py::test_short_answers", "daemon/fetch/remote_read.c",
        "\tif (got < wanted) {\n\t\t/* the rest", "\tif (got > wanted) {\n\t\t/* the rest"),
    Bug("join a name unchecked", "a server's name leads out of its directory",
        "tests/test_fetch_hostile.py::test_names", "daemon/fetch/names.c",
        "\t\tif (*c == '/')\n\t\t\treturn \"it has a slash\";\n", ""),
    Bug("trust on first use", "whoever stands in between is the partner",
        "tests/test_fetch.py::test_known_hosts", "daemon/fetch/remote_connect.c",
        "\t\treturn remote_fail(r, \"the known_hosts file does not have this server\");\n", "\t\treturn true;\n"),
    Bug("take could-not-look for empty", "a partner that cannot be reached has sent nothing",
        "tests/test_daemon.py::test_no_permission_is_no_empty_directory", "daemon/look.c",
        "\t\tfinish(s, LOOK_FAILED, error, text);\n", "\t\tfinish(s, LOOK_EMPTY, error, text);\n"),
    # ---- the parsers
    Bug("keep what csv_fini gives after an error", "what stands behind a stray quote is lost, and the rest is posted",
        "tests/unit/test_delimited.c::test_quotes", "parsers/delimited.c",
        "\tif (parsed == (size_t) text.len + 1 && d->rows == 1 && !d->too_many)\n\t\treturn 0;\n",
        "\tif (parsed < text.len)\n\t\t(void) csv_fini(&d->csv, csv_value, csv_row, d);\n\tif (!d->too_many)\n\t\treturn 0;\n"),
    Bug("trust wellFormed", "XML that is cut, or has more behind its end, passes for whole",
        "tests/unit/test_nested.c::test_xml", "parsers/xml.c",
        "} else if (in == NULL || in->cur != in->end || x->at != x->end || read_chunk(x) > 0) {",
        "} else if (in == NULL) {"),
    Bug("lose the last record without a newline", "a record is neither posted nor held",
        "tests/unit/test_fixed.c::test_lines", "parsers/framing.c",
        "\ttake(f, ret, 0, len, len);\n\treturn 1;\n}\n\n/* Is it one of the lines that are nothing?",
        "\t(void) ret;\n\treturn 0;\n}\n\n/* Is it one of the lines that are nothing?"),
    Bug("count a header as a record", "the stated count fits when a record is missing",
        "tests/unit/test_levels.c::test_sums", "parsers/assemble_total.c",
        "\tconst struct record_type *t = &a->layout->type[type];\n\n\tfor (uint16_t i = 0; i < t->totals; i++)\n\t\tif (add_one(a, t->total[i], verdict, at) != 0)",
        "\t(void) type;\n\tfor (uint16_t i = 0; i < a->layout->totals; i++)\n\t\tif (add_one(a, i, verdict, at) != 0)"),
    Bug("ignore a control total", "a cut file is posted",
        "tests/test_decide.py::test_control_total_holds_the_file", "parsers/assemble_total.c",
        "c.agrees = stated == counted;", "c.agrees = true;"),
    Bug("round a half point", "members get points that nobody decided",
        "tests/unit/test_values.c::test_amounts", "parsers/numbers.c",
        "\t\tif (w->digit[i] != '0')\n\t\t\treturn fault(ret_fault, \"decimals\", \"has decimals that would have to be rounded\");\n",
        "\t\t(void) 0;\n", sample=True),
    Bug("let a number wrap", "2^63 points become a debt",
        "tests/unit/test_values.c::test_integers", "parsers/numbers.c",
        "if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))\n"
        "\t\t\treturn fault(ret_fault, \"overflow\", \"is greater than 9223372036854775807\");",
        "value = (int64_t) ((uint64_t) value * 10 + (uint64_t) digit);"),
    Bug("go on without a cage", "a partner's bytes meet a parser that may do anything",
        "tests/test_cage.py::test_fails_closed", "parsers/cage.c",
        "\tif (rc != 0)\n\t\treturn fail(why, why_size, \"seccomp\", -rc);\n",
        "\tif (rc > 0)\n\t\treturn fail(why, why_size, \"seccomp\", -rc);\n"),
    # ---- the decision
    Bug("post the debit's points without comparing", "what the partner states of the points is not looked at",
        "tests/test_decide.py::test_mismatch", "reconcile/decide.sql",
        "WHEN $5::integer & 4 <> 0 AND f.points <> f.redeemed_points THEN 'points_mismatch'\n", ""),
    Bug("reverse without looking at the history", "a second rejection asks for a second reversal",
        "tests/test_decide.py::test_verdict_table", "reconcile/decide.sql",
        "WHEN v.reversal_id IS NOT NULL THEN 4", "WHEN false THEN 4"),
    Bug("let an older file speak", "last week's answer undoes today's",
        "tests/test_e2e.py::test_an_older_file_that_comes_late_moves_nothing", "reconcile/decide.sql",
        "a.redemption_id IS NOT NULL AS older,", "false AS older,"),
    Bug("guess among candidates", "somebody else's points are given back",
        "tests/test_decide.py::test_match_keys_in_order", "reconcile/match_pick.sql",
        "CASE WHEN count(*) = 1 THEN (array_agg(external_reference))[1] END, count(*),",
        "(array_agg(external_reference))[1], 1,"),
    Bug("another partner's redemption", "a partner answers for another",
        "tests/test_decide.py::test_unknown_is_said_of_what_is_another_partners_or_programmes", "reconcile/decide.sql",
        "AND r.partner = $1::text AND", "AND"),
    Bug("a guard that is off by one", "a file reverses more than it may",
        "tests/test_decide.py::test_guard", "reconcile/decide.c",
        "e->reversed > policy->guard_rejects)", "e->reversed > policy->guard_rejects + 1)"),
    Bug("take a test file for a real one", "a partner's test moves points",
        "tests/test_decide.py::test_a_test_file_is_held", "reconcile/decide.c",
        "if (e.hold == NULL && d->told->is_test && !d->released) {", "if (false) {"),
    # ---- the ledger
    Bug("no unique key on what an entry answers", "two sessions give the same points back twice",
        "tests/test_ledger.py::test_race_two_reversals", "schema/0002_ledger.sql",
        "CREATE UNIQUE INDEX entry_answers ON", "CREATE INDEX entry_answers ON"),
    Bug("no unique key on a file's content", "two daemons post one delivery twice",
        "tests/test_concurrency.py::test_the_same_file_by_two_daemons", "schema/0004_handback.sql",
        "CREATE UNIQUE INDEX file_content ON", "CREATE INDEX file_content ON"),
    Bug("post in the order of arrival", "two files that share redemptions wait for each other in a circle",
        "tests/test_ledger.py::test_postings_that_share_redemptions_wait_in_one_line", "schema/0003_contract.sql",
        "\t\tORDER BY a.entry_id\n", "\t\tORDER BY array_position(answered_ids, a.entry_id)\n"),
    Bug("decide two files of a partner at a time", "each acts upon what the other is changing",
        "tests/test_decide.py::test_two_files_of_a_partner_at_once_see_each_other", "reconcile/partner_lock.sql",
        "SELECT pg_advisory_xact_lock(x'68616e64'::integer, hashtext($1::text))", "SELECT $1::text"),
    Bug("approve one's own proposal", "one person moves points alone",
        "tests/test_people.py::test_the_database_refuses_the_proposer_in_psql_too", "schema/0009_people.sql",
        "CHECK (how <> 'approved' OR ended_by <> proposed_by)", "CHECK (how <> '')"),
    # ---- the proof
    Bug("a leaf without its prefix", "an inner node of the tree can be shown as a record",
        "tests/unit/test_merkle.c::test_vectors", "base/merkle.c",
        "\tsha256_add(m->hash, &leaf, 1);\n", "\tsha256_add(m->hash, &leaf, 0);\n", sample=True),
    Bug("drop the head's previous hash", "a link can be taken out of the chain",
        "tests/test_ledger.py::test_head_continues_the_chain", "schema/0005_audit.sql",
        "NEW.head_no <> last.head_no + 1 OR NEW.previous <> last.head_hash", "NEW.head_no <> last.head_no + 1"),
    Bug("do not hash what is kept", "the archive can be changed unseen",
        "tests/test_tamper.py::test_a_changed_byte_in_each_kept_file_is_named", "reconcile/verify_kept.c",
        "if (strcmp(text_hex(hex, hash, sizeof(hash)), pg_text(r, row, 2)) != 0) {",
        "if (text_hex(hex, hash, sizeof(hash)) == NULL || bytes != pg_int(r, row, 3)) {"),
    # ---- what is said
    Bug("log the values of an error", "member data in the log",
        "tests/unit/test_pg.c::test_errors_say_no_values", "reconcile/pg.c",
        "PG_DIAG_MESSAGE_PRIMARY",
        "PG_DIAG_MESSAGE_DETAIL"),
    Bug("a formula in a CSV cell", "finance's spreadsheet runs what a partner wrote",
        "tests/unit/test_table.c::test_formulas_stay_texts", "ctl/escape.c",
        "bool formula = runs_as_formula(text);",
        "bool formula = runs_as_formula(text) && *text != '@';"),
)
