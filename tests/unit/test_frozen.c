/* Nothing is committed without its standby where one is required, and nothing waits for ever for a server. */
#include <pthread.h>
#include <unistd.h>

#include "cluster.h"
#include "lib/db/pg_state.h"

static void
write_note(struct pg *pg, const char *note)
{
	assert_int_equal(pg_begin(pg), PG_OK);
	assert_int_equal(pg_run(pg, "INSERT INTO public.note VALUES ($1)", 1, &note, NULL), PG_OK);
}

static int64_t
count_notes(struct pg *pg)
{
	struct pg_result *r;

	assert_int_equal(pg_run(pg, "SELECT count(*) FROM public.note", 0, NULL, &r), PG_OK);
	int64_t n = pg_int(r, 0, 0);
	pg_result_free(r);
	return n;
}

/* The standby went while we were connected: nothing is committed, and it is said why. */
static void
test_standby_is_required(void **state)
{
	(void) state;
	const char *note = "unconfirmed";
	struct pg *pg = cluster_open("postgres", "handback");
	struct pg_result *r = NULL;

	pg->confirmed = true;
	write_note(pg, note);
	assert_int_equal(pg_commit(pg), PG_LOST);
	assert_non_null(strstr(pg_why(pg), "database.synchronous is required"));
	assert_int_equal(pg_transact(pg, "INSERT INTO public.note VALUES ($1) RETURNING note", 1, &note, &r), PG_LOST);
	assert_int_equal(count_notes(pg), 0);
	/* what writes nothing needs none */
	assert_int_equal(pg_transact(pg, "SELECT $1::text AS note", 1, &note, &r), PG_OK);
	pg_result_free(r);
	assert_int_equal(pg_begin(pg), PG_OK);
	assert_int_equal(pg_commit(pg), PG_OK);
	pg_close(pg);
}

/* ---- a server that is frozen: TCP still acknowledges, and so does a socket ---- */

struct frozen {
	const char *what;
	enum pg_status (*ask)(struct pg *pg);
	enum pg_status expected;
	struct pg *pg;
	enum pg_status had;
};

static enum pg_status
frozen_statement(struct pg *pg)
{
	return pg_run(pg, "SELECT 1", 0, NULL, NULL);
}

static enum pg_status
frozen_transaction(struct pg *pg)
{
	static const char one[] = "SELECT 1 AS one";
	struct pg_result *r = NULL;
	enum pg_status status = pg_transact(pg, one, 0, NULL, &r);

	pg_result_free(r);
	return status;
}

static enum pg_status
frozen_reopen(struct pg *pg)
{
	return pg_reopen(pg);
}

static enum pg_status
frozen_copy_out(struct pg *pg)
{
	char *data = NULL;
	size_t len = 1;
	enum pg_status status = PG_OK;

	while (status == PG_OK && len > 0) {
		status = pg_copy_out_next(pg, &data, &len);
		if (status == PG_OK)
			pg_copy_out_free(data);
	}
	return status;
}

/* more than any socket takes */
static enum pg_status
frozen_copy_in(struct pg *pg)
{
	static const char bytes[1 << 16];
	enum pg_status status = PG_OK;

	for (int i = 0; status == PG_OK && i < 1 << 10; i++)
		status = pg_copy_in_send(pg, bytes, sizeof(bytes));
	return status;
}

static void *
ask_frozen(void *context)
{
	struct frozen *f = context;

	f->had = f->ask(f->pg);
	return NULL;
}

static void
test_frozen_server(void **state)
{
	(void) state;
	struct frozen cases[] = {{"a statement", frozen_statement, PG_LOST, NULL, PG_OK},
	                         {"a transaction", frozen_transaction, PG_DOUBT, NULL, PG_OK},
	                         {"a connection", frozen_reopen, PG_LOST, NULL, PG_OK},
	                         {"COPY in", frozen_copy_in, PG_LOST, NULL, PG_OK},
	                         {"COPY out", frozen_copy_out, PG_LOST, NULL, PG_OK}};
	enum { CASES = sizeof(cases) / sizeof(cases[0]) };
	pthread_t threads[CASES];

	for (int i = 0; i < CASES; i++) {
		char why[512];
		const struct pg_target target = {
		    .conninfo = "connect_timeout=2", .host = cluster_host(), .user = "postgres", .database = "handback"};

		cases[i].pg = pg_open(&target, why, sizeof(why));
		assert_non_null(cases[i].pg);
		cases[i].pg->ask_ms = 200;
		cases[i].pg->beside_ms = 2000;
	}
	assert_int_equal(frozen_transaction(cases[1].pg), PG_OK); /* prepared */
	assert_int_equal(pg_copy_in_start(cases[3].pg, "COPY public.note FROM STDIN (FORMAT binary)"), PG_OK);
	assert_int_equal(pg_copy_out_start(cases[4].pg, "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000)) TO STDOUT"),
	                 PG_OK);
	cluster_freeze(true);
	for (int i = 0; i < CASES; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_frozen, &cases[i]), 0);
	for (int i = 0; i < CASES; i++)
		pthread_join(threads[i], NULL);
	cluster_freeze(false);
	for (int i = 0; i < CASES; i++)
		if (cases[i].had != cases[i].expected || strstr(pg_why(cases[i].pg), "server") == NULL)
			fail_msg("%s: %d, %s", cases[i].what, cases[i].had, pg_why(cases[i].pg));
	for (int i = 0; i < CASES; i++) {
		assert_int_equal(pg_reopen(cases[i].pg), PG_OK);
		pg_close(cases[i].pg);
	}
}

static int told;

static void
on_told(void *context, const struct pg_holder *holder)
{
	(void) context;
	told += holder->standby;
}

/* It has no connection left for the question: that it says so is answer enough. */
static void
test_full_server_is_waited_for(void **state)
{
	(void) state;
	char why[512];
	const struct pg_target target = {.host = cluster_host(), .user = "crowded", .database = "handback"};

	cluster_run("CREATE ROLE crowded LOGIN CONNECTION LIMIT 1; GRANT SELECT ON public.note TO crowded");
	struct pg *pg = pg_open(&target, why, sizeof(why));
	assert_non_null(pg);
	pg->ask_ms = 100;
	pg->beside_ms = 2000;
	assert_int_equal(pg_run(pg, "SELECT pg_sleep(1)", 0, NULL, NULL), PG_OK);
	pg_close(pg);
}

/* A server that is only busy is left alone, and a COMMIT that waits for a standby is told of. */
static void
test_busy_server_is_waited_for(void **state)
{
	(void) state;
	struct pg *pg = cluster_open("postgres", "handback");

	pg->ask_ms = 100;
	pg->beside_ms = 2000;
	pg_watch(pg, on_told, NULL);
	assert_int_equal(pg_run(pg, "SELECT pg_sleep(1)", 0, NULL, NULL), PG_OK);
	assert_int_equal(told, 0);
	cluster_run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	cluster_run("SELECT pg_catalog.pg_reload_conf()");
	usleep(300000);
	pg->commit_wait_ms = 500;
	write_note(pg, "waited");
	assert_int_equal(pg_commit(pg), PG_DOUBT);
	assert_int_equal(told, 1);
	cluster_run("ALTER SYSTEM RESET synchronous_standby_names");
	cluster_run("SELECT pg_catalog.pg_reload_conf()");
	usleep(300000);
	/* its session is ended behind a proxy, or it is another server's: nobody is there to wait for */
	snprintf(pg->life, sizeof(pg->life), "another time/");
	assert_int_equal(pg_run(pg, "SELECT pg_sleep(20)", 0, NULL, NULL), PG_LOST);
	assert_non_null(strstr(pg_why(pg), "gives no answer"));
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
	    cmocka_unit_test(test_standby_is_required),
	    cmocka_unit_test(test_frozen_server),
	    cmocka_unit_test(test_full_server_is_waited_for),
	    cmocka_unit_test(test_busy_server_is_waited_for),
	};

	if (!cluster_start())
		return 0;
	int failed = cmocka_run_group_tests(tests, start, NULL);
	cluster_stop();
	return failed;
}
