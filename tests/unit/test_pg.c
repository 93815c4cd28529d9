/* The wrapper of libpq against a real server, and a wire that is cut. */
#include <signal.h>
#include <unistd.h>

#include "cluster.h"
#include "lib/db/pg_copy.h"
#include "lib/db/pg_state.h"

static void
refuse(const struct pg_target *target, const char *expected)
{
	char why[512] = "";

	assert_null(pg_open(target, why, sizeof(why)));
	if (strstr(why, expected) == NULL)
		fail_msg("expected \"%s\" in \"%s\"", expected, why);
}

static void
test_open_refuses(void **state)
{
	(void) state;
	struct pg_target target = {.host = cluster_host(), .user = "careless", .database = "handback"};

	cluster_run("CREATE ROLE careless LOGIN; ALTER ROLE careless SET synchronous_commit = off");
	refuse(&target, "synchronous_commit is off");
	cluster_run("ALTER ROLE careless SET synchronous_commit = local");
	refuse(&target, "synchronous_commit is local");
	target.conninfo = "options='-c synchronous_commit=local'";
	target.user = "postgres";
	refuse(&target, "synchronous_commit is local");
	target.conninfo = NULL;
	target.confirmed = true;
	refuse(&target, "no synchronous standby (synchronous_standby_names is empty)");
	target.confirmed = false;
	target.user = "careless";
	cluster_run("ALTER ROLE careless RESET synchronous_commit; ALTER ROLE careless SET "
	            "default_transaction_read_only = on");
	refuse(&target, "read-only"); /* libpq's words or ours */
	cluster_run("ALTER ROLE careless RESET default_transaction_read_only");
	cluster_run("ALTER ROLE careless SET session_replication_role = replica");
	refuse(&target, "session_replication_role is replica");
	cluster_run("ALTER ROLE careless RESET session_replication_role; ALTER ROLE careless SET "
	            "zero_damaged_pages = on");
	refuse(&target, "zero_damaged_pages is on");
	cluster_run("ALTER ROLE careless RESET zero_damaged_pages");
	target.role = "postgres";
	refuse(&target, "permission denied to set role");
	target.role = NULL;
	target.database = "nothing";
	refuse(&target, "does not exist");

	cluster_run("CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
	target.database = "bytes";
	refuse(&target, "encoding is SQL_ASCII");

	target.host = "/nonexistent";
	refuse(&target, "/nonexistent");
	target.conninfo = "host=localhost password='s3cret dbname=x";
	refuse(&target, "cannot be read");
	char why[512];
	assert_null(pg_open(&target, why, sizeof(why)));
	assert_null(strstr(why, "s3cret"));
}

static void
test_settings_are_ours(void **state)
{
	(void) state;
	static const char show[] =
	    "SELECT pg_catalog.concat_ws('|', current_setting('search_path'),"
	    " current_setting('TimeZone'), current_setting('DateStyle'),"
	    " current_setting('client_encoding'), current_setting('jit'),"
	    " current_setting('default_transaction_isolation'), current_user, session_user,"
	    " current_setting('application_name'))";
	struct pg_result *r;

	cluster_run("CREATE ROLE odd LOGIN SUPERUSER; ALTER ROLE odd SET search_path = 'x'; ALTER ROLE odd SET "
	            "TimeZone = 'Asia/Tokyo';"
	            "ALTER ROLE odd SET DateStyle = 'German'; ALTER ROLE odd SET client_encoding = 'LATIN1';"
	            "ALTER ROLE odd SET default_transaction_isolation = 'serializable'; CREATE ROLE acts");
	const struct pg_target target = {.conninfo = "application_name=theirs",
	                                 .host = cluster_host(),
	                                 .user = "odd",
	                                 .database = "handback",
	                                 .role = "acts",
	                                 .application = "ours"};
	char why[512] = "";
	struct pg *pg = pg_open(&target, why, sizeof(why));
	assert_non_null(pg);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(pg_run(pg, show, 0, NULL, &r), PG_OK);
		assert_string_equal(pg_text(r, 0, 0),
		                    "pg_catalog, pg_temp|UTC|ISO, YMD|UTF8|off|read committed|acts|odd|ours");
		pg_result_free(r);
		assert_int_equal(pg_reopen(pg), PG_OK);
	}
	assert_true(pg_server_version(pg) >= 130000);
	assert_string_equal(pg_warning(pg), "");
	pg_close(pg);
	pg_close(NULL);
}

static void
test_values(void **state)
{
	(void) state;
	static const char sql[] =
	    "SELECT $1::text, $2::int8, -7::int2, -70000, true, timestamptz '1970-01-01 00:00:01.000002Z',"
	    " date '1969-12-31', decode('00ff', 'hex'), $1::text IS NULL";
	struct pg *pg = cluster_open("postgres", "handback");
	const char *values[] = {NULL, "-9223372036854775807"};
	struct pg_result *r;
	size_t len;

	for (int i = 0; i < 3; i++) { /* prepared the first time */
		assert_int_equal(pg_run_prepared(pg, sql, 2, values, &r), PG_OK);
		assert_int_equal(pg_rows(r), 1);
		assert_int_equal(pg_columns(r), 9);
		assert_true(pg_null(r, 0, 0));
		assert_string_equal(pg_text(r, 0, 0), "");
		assert_true(pg_int(r, 0, 1) == -INT64_MAX);
		pg_result_free(r);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal((i ? pg_fetch : pg_fetch_prepared)(pg, sql, 2, values, &r), PG_OK);
		assert_true(pg_get_int(r, 0, 0) == 0);
		assert_true(pg_get_int(r, 0, 1) == -INT64_MAX);
		assert_true(pg_get_int(r, 0, 2) == -7);
		assert_true(pg_get_int(r, 0, 3) == -70000);
		assert_true(pg_get_bool(r, 0, 4));
		assert_true(pg_get_time(r, 0, 5) == 1000002);
		assert_int_equal(pg_get_date(r, 0, 6), -1);
		assert_memory_equal(pg_get_bytes(r, 0, 7, &len), "\x00\xff", 2);
		assert_int_equal(len, 2);
		pg_result_free(r);
	}
	/* more statements than a connection keeps prepared */
	char many[300][32];
	for (int i = 0; i < 300; i++) {
		snprintf(many[i], sizeof(many[i]), "SELECT %d", i);
		assert_int_equal(pg_run_prepared(pg, many[i], 0, NULL, &r), PG_OK);
		assert_int_equal(pg_int(r, 0, 0), i);
		pg_result_free(r);
	}
	pg_close(pg);
}

static void
test_errors_say_no_values(void **state)
{
	(void) state;
	struct pg *pg = cluster_open("postgres", "handback");
	const char *member[] = {"NS10012345"};

	assert_int_equal(
	    pg_script(pg, "CREATE TEMP TABLE t (m text CONSTRAINT once UNIQUE, n int8 CHECK (n > 0))"), PG_OK);
	assert_int_equal(pg_run(pg, "INSERT INTO pg_temp.t VALUES ($1)", 1, member, NULL), PG_OK);
	assert_int_equal(pg_run(pg, "INSERT INTO pg_temp.t VALUES ($1)", 1, member, NULL), PG_RETRY);
	assert_string_equal(pg_sqlstate(pg), "23505");
	assert_string_equal(pg_constraint(pg), "once");
	assert_null(strstr(pg_why(pg), "NS1"));
	assert_int_equal(pg_run(pg, "SELECT $1::int8", 1, member, NULL), PG_ERROR);
	assert_string_equal(pg_sqlstate(pg), "22P02");
	assert_null(strstr(pg_why(pg), "NS1"));
	assert_string_equal(pg_constraint(pg), "");
	assert_int_equal(pg_run(pg, "INSERT INTO pg_temp.t VALUES ('x', -1)", 0, NULL, NULL), PG_ERROR);
	assert_int_equal(pg_run(pg, "SELECT E'a' FROM nothing", 0, NULL, NULL), PG_ERROR);

	assert_int_equal(pg_begin(pg), PG_OK);
	assert_int_equal(pg_run(pg, "SELECT 1/0", 0, NULL, NULL), PG_ERROR);
	assert_int_equal(pg_commit(pg), PG_ERROR);
	assert_int_equal(pg_rollback(pg), PG_OK);
	assert_int_equal(pg_rollback(pg), PG_OK);

	assert_int_equal(pg_begin_snapshot(pg), PG_OK);
	assert_int_equal(pg_run(pg, "CREATE TABLE public.no (n int)", 0, NULL, NULL), PG_LOST); /* read-only */
	assert_int_equal(pg_rollback(pg), PG_OK);
	pg_close(pg);
}

static void
test_classes(void **state)
{
	(void) state;
	static const struct {
		const char *sqlstate;
		enum pg_status status;
	} cases[] = {{"40001", PG_RETRY}, {"40P01", PG_RETRY}, {"55P03", PG_RETRY}, {"23505", PG_RETRY},
	             {"40003", PG_ERROR}, {"23503", PG_ERROR}, {"23514", PG_ERROR}, {"08006", PG_LOST},
	             {"08P01", PG_ERROR}, {"57P01", PG_LOST},  {"57014", PG_LOST},  {"53100", PG_LOST},
	             {"53300", PG_LOST},  {"58030", PG_LOST},  {"25006", PG_LOST},  {"25P02", PG_ERROR},
	             {"25P03", PG_LOST},  {"42P01", PG_ERROR}, {"P0001", PG_ERROR}, {"22003", PG_ERROR},
	             {"26000", PG_LOST},  {"", PG_LOST}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (pg_classify(cases[i].sqlstate) != cases[i].status)
			fail_msg("SQLSTATE \"%s\"", cases[i].sqlstate);
}

/* ---- COMMIT ---- */

static struct pg *
open_wire(enum cut cut)
{
	char why[512] = "";
	const struct pg_target target = {.host = wire_start(cut), .user = "postgres", .database = "handback"};
	struct pg *pg = pg_open(&target, why, sizeof(why));

	if (pg == NULL)
		print_error("%s\n", why);
	assert_non_null(pg);
	return pg;
}

static int64_t
count_notes(const char *note)
{
	struct pg *pg = cluster_open("postgres", "handback");
	struct pg_result *r;

	assert_int_equal(pg_run(pg, "SELECT count(*) FROM public.note WHERE note = $1", 1, &note, &r), PG_OK);
	int64_t n = pg_int(r, 0, 0);
	pg_result_free(r);
	pg_close(pg);
	return n;
}

static void
write_note(struct pg *pg, const char *note)
{
	assert_int_equal(pg_begin(pg), PG_OK);
	assert_int_equal(pg_run(pg, "INSERT INTO public.note VALUES ($1)", 1, &note, NULL), PG_OK);
}

static void
test_commit_in_doubt(void **state)
{
	(void) state;
	enum pg_fate fate = PG_FATE_UNKNOWN;
	struct pg_result *r;

	struct pg *pg = open_wire(CUT_AFTER);
	write_note(pg, "after");
	assert_int_equal(pg_commit(pg), PG_DOUBT);
	assert_int_equal(pg_run(pg, "SELECT 1", 0, NULL, NULL), PG_LOST);
	assert_int_equal(pg_settle_commit(pg, &fate), PG_OK);
	assert_int_equal(fate, PG_FATE_COMMITTED);
	assert_int_equal(count_notes("after"), 1);
	assert_int_equal(pg_run(pg, "SELECT 1", 0, NULL, NULL), PG_OK); /* and it serves on */
	assert_int_equal(pg_settle_commit(pg, &fate), PG_OK);           /* asked again, told again */
	assert_int_equal(fate, PG_FATE_COMMITTED);
	pg_close(pg);
	wire_stop();

	pg = open_wire(CUT_BEFORE);
	write_note(pg, "before");
	assert_int_equal(pg_commit(pg), PG_DOUBT);
	assert_int_equal(pg_settle_commit(pg, &fate), PG_OK);
	assert_int_equal(fate, PG_FATE_ABORTED);
	assert_int_equal(count_notes("before"), 0);
	pg_close(pg);
	wire_stop();

	pg = open_wire(CUT_AFTER); /* nothing was written: nothing is in doubt */
	assert_int_equal(pg_begin(pg), PG_OK);
	assert_int_equal(pg_run(pg, "SELECT 1", 0, NULL, &r), PG_OK);
	pg_result_free(r);
	assert_int_equal(pg_commit(pg), PG_LOST);
	pg_close(pg);
	wire_stop();
}

static void
test_other_server_is_no_answer(void **state)
{
	(void) state;
	enum pg_fate fate = PG_FATE_COMMITTED;
	struct pg *pg = open_wire(CUT_AFTER);

	write_note(pg, "elsewhere");
	assert_int_equal(pg_commit(pg), PG_DOUBT);
	snprintf(pg->last.server, sizeof(pg->last.server), "another/00000001"); /* as after a failover */
	assert_int_equal(pg_settle_commit(pg, &fate), PG_OK);
	assert_int_equal(fate, PG_FATE_UNKNOWN);
	pg_close(pg);
	wire_stop();
}

static void
test_standby_does_not_confirm(void **state)
{
	(void) state;
	enum pg_fate fate = PG_FATE_UNKNOWN;
	struct pg *pg = cluster_open("postgres", "handback");

	cluster_run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	cluster_run("SELECT pg_catalog.pg_reload_conf()");
	usleep(300000);
	pg->commit_wait_ms = 300;
	write_note(pg, "alone");
	assert_int_equal(pg_commit(pg), PG_DOUBT); /* committed here: the server's warning */
	assert_int_equal(count_notes("alone"), 1);
	assert_int_equal(pg_settle_commit(pg, &fate), PG_LOST); /* still nobody */
	cluster_run("ALTER SYSTEM RESET synchronous_standby_names");
	cluster_run("SELECT pg_catalog.pg_reload_conf()");
	usleep(300000);
	assert_int_equal(pg_settle_commit(pg, &fate), PG_OK);
	assert_int_equal(fate, PG_FATE_COMMITTED);
	pg_close(pg);
}

static void
test_terminated(void **state)
{
	(void) state;
	struct pg *pg = cluster_open("postgres", "handback");

	write_note(pg, "ended");
	cluster_run("SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity"
	            " WHERE state = 'idle in transaction'");
	assert_int_equal(pg_commit(pg), PG_LOST); /* before COMMIT was sent: no doubt */
	assert_int_equal(pg_reopen(pg), PG_OK);
	assert_int_equal(count_notes("ended"), 0);
	pg_close(pg);
}

/* A session that ends by SIGKILL takes all others with it: each is told so by a warning without a SQLSTATE of
 * its own, on a connection that libpq still takes for good where only its sending failed. */
static void
test_server_recovers(void **state)
{
	(void) state;
	struct pg *pg = cluster_open("postgres", "handback"), *other = cluster_open("postgres", "handback");
	struct pg_result *r;

	assert_int_equal(pg_run(other, "SELECT pg_catalog.pg_backend_pid()::bigint", 0, NULL, &r), PG_OK);
	assert_int_equal(kill((pid_t) pg_int(r, 0, 0), SIGKILL), 0);
	pg_result_free(r);
	sleep(1); /* the session of ours is gone, and its socket shut */
	assert_int_equal(pg_run_prepared(pg, "SELECT 1", 0, NULL, NULL), PG_LOST);
	for (int i = 0; i < 100 && pg_reopen(pg) != PG_OK; i++)
		usleep(100000);
	assert_int_equal(pg_run(pg, "SELECT 1", 0, NULL, NULL), PG_OK);
	pg_close(pg);
	pg_close(other);
}

/* ---- a whole transaction at once ---- */

static const char whole_note[] = "INSERT INTO public.slow VALUES ($1) RETURNING note";
static const char whole_nothing[] = "SELECT $1::text AS note";

/* What is written into public.slow fails its COMMIT where it says so, and is slow to commit else. */
static void
make_slow(void)
{
	cluster_run("CREATE TABLE IF NOT EXISTS public.slow (note text)");
	cluster_run(
	    "CREATE OR REPLACE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
	    " PERFORM pg_catalog.pg_sleep(0.3); IF NEW.note = 'fails' THEN RAISE EXCEPTION 'late'; END IF;"
	    " RETURN NEW; END $$");
	cluster_run("DROP TRIGGER IF EXISTS slow ON public.slow; CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON"
	            " public.slow DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.slow()");
}

static int64_t
count_slow(const char *note)
{
	struct pg *pg = cluster_open("postgres", "handback");
	struct pg_result *r;

	assert_int_equal(pg_run(pg, "SELECT count(*) FROM public.slow WHERE note = $1", 1, &note, &r), PG_OK);
	int64_t n = pg_int(r, 0, 0);
	pg_result_free(r);
	pg_close(pg);
	return n;
}

static void
test_whole(void **state)
{
	(void) state;
	const char *note = "one", *fails = "fails";
	struct pg *pg = cluster_open("postgres", "handback");
	enum pg_fate fate = PG_FATE_UNKNOWN;
	struct pg_result *r = NULL;

	make_slow();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pg_transact(pg, whole_note, 1, &note, &r), PG_OK);
		assert_string_equal(pg_text_of(r, 0, "note"), "one");
		pg_result_free(r);
		assert_int_equal(count_slow("one"), i + 1);
	}
	assert_int_equal(pg_begin(pg), PG_OK); /* and it is no transaction's part */
	assert_int_equal(pg_rollback(pg), PG_OK);
	assert_int_equal(pg_transact(pg, whole_nothing, 1, &note, &r), PG_OK);
	pg_result_free(r);

	/* the statement fails */
	static const char wrong[] = "SELECT 1 / (pg_catalog.length($1) - 3)";
	assert_int_equal(pg_transact(pg, wrong, 1, &note, &r), PG_ERROR);
	assert_string_equal(pg_sqlstate(pg), "22012");
	assert_int_equal(pg_run(pg, "SELECT 1", 0, NULL, NULL), PG_OK);
	/* its COMMIT does: who asks learns that */
	assert_int_equal(pg_transact(pg, whole_note, 1, &fails, &r), PG_DOUBT);
	pg_result_free(r);
	assert_int_equal(pg_settle_commit(pg, &fate), PG_OK);
	assert_int_equal(fate, PG_FATE_ABORTED);
	assert_int_equal(count_slow("fails"), 0);
	assert_int_equal(pg_transact(pg, whole_note, 1, &note, &r), PG_OK);
	pg_result_free(r);
	pg_close(pg);
}

static void
test_whole_in_doubt(void **state)
{
	(void) state;
	/* the wire looks for this word, with the NUL of what follows it */
	const char *note = "COMMIT";
	static const struct {
		enum cut cut;
		enum pg_fate fate;
		int64_t written;
	} cuts[] = {{CUT_WITHIN, PG_FATE_COMMITTED, 1},
	            {CUT_BEFORE, PG_FATE_UNKNOWN, 0},
	            {CUT_AFTER, PG_FATE_UNKNOWN, 1}};

	make_slow();
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct pg *pg = open_wire(cuts[i].cut);
		enum pg_fate fate = PG_FATE_ABORTED;
		struct pg_result *r;

		cluster_run("TRUNCATE public.slow");
		assert_int_equal(pg_transact(pg, whole_note, 1, &note, &r), PG_DOUBT);
		assert_int_equal(r != NULL, cuts[i].cut == CUT_WITHIN);
		pg_result_free(r);
		assert_int_equal(pg_settle_commit(pg, &fate), PG_OK);
		assert_int_equal(fate, cuts[i].fate);
		usleep(500000);
		assert_int_equal(count_slow(note), cuts[i].written);
		pg_close(pg);
		wire_stop();
	}
}

static void
test_whole_without_standby(void **state)
{
	(void) state;
	const char *note = "alone";
	enum pg_fate fate = PG_FATE_UNKNOWN;
	struct pg *pg = cluster_open("postgres", "handback");
	struct pg_result *r;

	make_slow();
	cluster_run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	cluster_run("SELECT pg_catalog.pg_reload_conf()");
	usleep(300000);
	pg->commit_wait_ms = 600;
	assert_int_equal(pg_transact(pg, whole_note, 1, &note, &r), PG_DOUBT);
	assert_string_equal(pg_text_of(r, 0, "note"), "alone");
	pg_result_free(r);
	/* nor is that told as done which another finds */
	struct pg *other = cluster_open("postgres", "handback");
	other->commit_wait_ms = 600;
	assert_int_equal(pg_transact(other, whole_nothing, 1, &note, &r), PG_DOUBT);
	pg_result_free(r);
	pg_close(other);
	cluster_run("ALTER SYSTEM RESET synchronous_standby_names");
	cluster_run("SELECT pg_catalog.pg_reload_conf()");
	usleep(300000);
	assert_int_equal(pg_settle_commit(pg, &fate), PG_OK);
	assert_int_equal(fate, PG_FATE_COMMITTED);
	pg_close(pg);
}

/* ---- deferred statements ---- */

static const char defer_note[] = "INSERT INTO public.note VALUES ($1)";
static const char defer_count[] = "SELECT count(*) FROM public.note WHERE note = $1";
static const char defer_mistake[] = "SELECT 1 / (SELECT count(*) FROM public.note WHERE note = $1)";

static void
count(struct pg *pg, const char *note, int64_t expected)
{
	struct pg_result *r;

	assert_int_equal(pg_run_prepared(pg, defer_count, 1, &note, &r), PG_OK);
	assert_int_equal(pg_int(r, 0, 0), expected);
	pg_result_free(r);
}

/* Each kind of statement that is waited for sends what was deferred before, in its order. */
static void
test_deferred_is_run_before(void **state)
{
	(void) state;
	struct pg *pg = cluster_open("postgres", "handback");
	const char *note = "later";
	struct pg_result *r;

	for (int round = 0; round < 2; round++) { /* the statements are prepared in the first */
		assert_int_equal(pg_begin(pg), PG_OK);
		assert_int_equal(pg_defer(pg, defer_note, 1, &note), PG_OK);
		assert_int_equal(pg_defer(pg, defer_note, 1, &note), PG_OK);
		count(pg, note, 2);
		assert_int_equal(pg_defer(pg, defer_note, 1, &note), PG_OK);
		assert_int_equal(pg_run(pg, defer_count, 1, &note, &r), PG_OK);
		assert_int_equal(pg_int(r, 0, 0), 3);
		pg_result_free(r);
		assert_int_equal(pg_defer(pg, defer_note, 1, &note), PG_OK);
		assert_int_equal(pg_script(pg, "UPDATE public.note SET note = note"), PG_OK);
		assert_int_equal(pg_defer(pg, defer_note, 1, &note), PG_OK);
		assert_int_equal(pg_start(pg, defer_count, 1, &note), PG_OK);
		assert_int_equal(pg_next(pg, &r), PG_OK);
		assert_int_equal(pg_get_int(r, 0, 0), 5);
		pg_result_free(r);
		assert_int_equal(pg_next(pg, &r), PG_OK);
		assert_null(r);
		assert_int_equal(pg_defer(pg, defer_note, 1, &note), PG_OK);
		assert_int_equal(pg_rollback(pg), PG_OK);
		count(pg, note, 0);
	}
	assert_int_equal(pg_begin(pg), PG_OK); /* and nothing else: there is no transaction to be left open */
	assert_int_equal(pg_rollback(pg), PG_OK);
	assert_int_equal(pg_begin(pg), PG_OK);
	assert_int_equal(pg_defer(pg, defer_note, 1, &note), PG_OK);
	assert_int_equal(pg_commit(pg), PG_OK);
	assert_int_equal(count_notes(note), 1);
	pg_close(pg);
}

/* The first that fails says why, and what is behind it does not happen. */
static void
test_deferred_failure(void **state)
{
	(void) state;
	struct pg *pg = cluster_open("postgres", "handback");
	const char *note = "never", *none = "nobody's";
	struct pg_copy *copy;
	struct pg_result *r;

	/* one that has to be prepared first sends what was deferred, and hears of it */
	assert_int_equal(pg_begin(pg), PG_OK);
	assert_int_equal(pg_defer(pg, defer_mistake, 1, &none), PG_OK);
	assert_int_equal(pg_defer(pg, defer_note, 1, &note), PG_ERROR);
	assert_int_equal(pg_rollback(pg), PG_OK);
	assert_int_equal(pg_begin(pg), PG_OK);
	assert_int_equal(pg_defer(pg, defer_note, 1, &note), PG_OK);
	assert_int_equal(pg_rollback(pg), PG_OK);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(pg_begin(pg), PG_OK);
		assert_int_equal(pg_defer(pg, defer_mistake, 1, &none), PG_OK);
		assert_int_equal(pg_defer(pg, defer_note, 1, &note), PG_OK);
		assert_int_equal(pg_run_prepared(pg, defer_count, 1, &note, &r), PG_ERROR);
		assert_string_equal(pg_sqlstate(pg), "22012");
		assert_non_null(strstr(pg_why(pg), "division by zero"));
		assert_int_equal(pg_rollback(pg), PG_OK);
		count(pg, note, 0); /* the connection is as good as before */
		assert_int_equal(pg_begin(pg), PG_OK);
		assert_int_equal(pg_defer(pg, defer_mistake, 1, &none), PG_OK);
		assert_int_equal(pg_commit(pg), PG_ERROR);
		assert_int_equal(pg_rollback(pg), PG_OK);
		assert_int_equal(pg_begin(pg), PG_OK);
		assert_int_equal(pg_defer(pg, defer_mistake, 1, &none), PG_OK);
		assert_int_equal(pg_copy_begin(pg, "COPY public.note FROM STDIN (FORMAT binary)", &copy), PG_ERROR);
		assert_int_equal(pg_rollback(pg), PG_OK);
	}
	assert_int_equal(count_notes(note), 0);
	pg_close(pg);
}

/* A session that is ended between them is lost, whatever was sent: nothing of it stays, and there is no
 * doubt. */
static void
test_deferred_and_terminated(void **state)
{
	(void) state;
	struct pg *pg = cluster_open("postgres", "handback");
	const char *note = "cut";

	for (int how = 0; how < 3; how++) {
		write_note(pg, note);
		cluster_run("SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity"
		            " WHERE state = 'idle in transaction'");
		assert_int_equal(pg_defer(pg, defer_note, 1, &note), how == 0 ? PG_LOST : PG_OK);
		if (how == 1)
			assert_int_equal(pg_run_prepared(pg, defer_count, 1, &note, NULL), PG_LOST);
		if (how == 2)
			assert_int_equal(pg_commit(pg), PG_LOST);
		assert_int_not_equal(pg_rollback(pg), PG_OK);
		assert_int_equal(pg_reopen(pg), PG_OK);
		count(pg, note, 0); /* which prepares it */
		assert_int_equal(pg_begin(pg), PG_OK);
		assert_int_equal(pg_defer(pg, defer_note, 1, &note), PG_OK);
		assert_int_equal(pg_rollback(pg), PG_OK);
	}
	assert_int_equal(count_notes(note), 0);
	pg_close(pg);
}

static int
start(void **state)
{
	(void) state;
	cluster_run("CREATE TABLE public.note (note text)");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_open_refuses),
	    cmocka_unit_test(test_settings_are_ours),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_errors_say_no_values),
	    cmocka_unit_test(test_classes),
	    cmocka_unit_test(test_commit_in_doubt),
	    cmocka_unit_test(test_other_server_is_no_answer),
	    cmocka_unit_test(test_standby_does_not_confirm),
	    cmocka_unit_test(test_terminated),
	    cmocka_unit_test(test_server_recovers),
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_whole_in_doubt),
	    cmocka_unit_test(test_whole_without_standby),
	    cmocka_unit_test(test_deferred_is_run_before),
	    cmocka_unit_test(test_deferred_failure),
	    cmocka_unit_test(test_deferred_and_terminated),
	};

	if (!cluster_start())
		return 0;
	int failed = cmocka_run_group_tests(tests, start, NULL);
	cluster_stop();
	return failed;
}
