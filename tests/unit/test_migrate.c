/* The compiled-in migrations against a database that has had none, some, all, others and too many. */
#include <sys/wait.h>
#include <unistd.h>

#include "cluster.h"
#include "lib/db/migrate.h"

static char why[1024];
static int last_told;

static void
told(void *arg, int version, const char *name)
{
	(void) arg;
	assert_int_equal(version, last_told + 1);
	assert_int_equal(strtol(name, NULL, 10), version);
	last_told = version;
}

static void
expect(enum pg_status got, enum pg_status wanted, const char *text)
{
	if (got != wanted || strstr(why, text) == NULL)
		fail_msg("%d, \"%s\"", got, why);
}

static void
test_all(void **state)
{
	(void) state;
	struct pg *pg = cluster_open("postgres", "handback");
	struct pg *daemon;
	int applied = -1;

	expect(migrate_check(pg, why, sizeof(why)), PG_ERROR, "run handbackctl migrate");
	expect(migrate_apply(pg, told, NULL, &applied, why, sizeof(why)), PG_OK, "");
	assert_int_equal(applied, last_told);
	assert_true(applied >= 6);
	expect(migrate_check(pg, why, sizeof(why)), PG_OK, "");
	assert_int_equal(migrate_apply(pg, told, NULL, &applied, why, sizeof(why)), PG_OK);
	assert_int_equal(applied, 0);

	/* whoever starts, as whatever role */
	daemon = cluster_open("handback_daemon", "handback");
	assert_int_equal(migrate_check(daemon, why, sizeof(why)), PG_OK);
	expect(migrate_apply(daemon, NULL, NULL, &applied, why, sizeof(why)), PG_ERROR, "permission denied");
	pg_close(daemon);
	pg_close(pg);
}

static void
test_unlike(void **state)
{
	(void) state;
	struct pg *pg = cluster_open("postgres", "handback");
	int applied = -1;

	cluster_run("UPDATE handback_schema.migration SET sha256 = pg_catalog.sha256('other') WHERE version = 2");
	expect(migrate_check(pg, why, sizeof(why)), PG_ERROR, "0002_ledger.sql was applied");
	expect(migrate_apply(pg, told, NULL, &applied, why, sizeof(why)), PG_ERROR, "another text");
	assert_int_equal(applied, -1);
	cluster_run("DELETE FROM handback_schema.migration WHERE version = 2");
	expect(migrate_check(pg, why, sizeof(why)), PG_ERROR, "do not belong together");
	pg_close(pg);
}

static void
test_older_and_newer(void **state)
{
	(void) state;
	struct pg *pg;
	char sql[256];
	int applied = -1, all = last_told;

	cluster_run("CREATE DATABASE another");
	pg = cluster_open("postgres", "another");
	last_told = 0;
	assert_int_equal(migrate_apply(pg, told, NULL, &applied, why, sizeof(why)), PG_OK);
	assert_int_equal(applied, all);
	snprintf(sql, sizeof(sql),
	         "INSERT INTO handback_schema.migration VALUES (%d, '%04d_next.sql', sha256('x'))", all + 1,
	         all + 1);
	assert_int_equal(pg_script(pg, sql), PG_OK);
	expect(migrate_check(pg, why, sizeof(why)), PG_ERROR, "newer");
	expect(migrate_apply(pg, told, NULL, &applied, why, sizeof(why)), PG_ERROR, "newer");
	assert_int_equal(pg_script(pg, "DELETE FROM handback_schema.migration WHERE version >= 2"), PG_OK);
	expect(migrate_check(pg, why, sizeof(why)), PG_ERROR, "older than this program");
	/* those that make tables again, over their own: refused by the server, whole */
	expect(migrate_apply(pg, NULL, NULL, &applied, why, sizeof(why)), PG_ERROR, "already exists");
	assert_int_equal(pg_run(pg, "SELECT 1", 0, NULL, NULL), PG_OK);
	pg_close(pg);
}

/* Whoever may only read takes every lock that is its to take, and nobody waits for it. */
static void
test_a_reader_stops_nobody(void **state)
{
	(void) state;
	struct pg *pg, *reader;
	char sql[96];
	int applied = -1;

	cluster_run("CREATE DATABASE read");
	pg = cluster_open("postgres", "read");
	assert_int_equal(migrate_apply(pg, NULL, NULL, &applied, why, sizeof(why)), PG_OK);
	cluster_run("DO $$ BEGIN CREATE ROLE reads LOGIN IN ROLE handback_finance; END $$");
	reader = cluster_open("reads", "read");
	assert_int_equal(pg_script(reader,
	                           "BEGIN; LOCK TABLE handback_schema.migration IN ACCESS SHARE MODE; SELECT "
	                           "pg_advisory_lock(hashtextextended('handback migrations', 0))"),
	                 PG_OK);
	assert_int_equal(pg_script(pg, "SET lock_timeout = '2s'"), PG_OK);
	expect(migrate_apply(pg, NULL, NULL, &applied, why, sizeof(why)), PG_OK, "");
	pg_close(reader);
	static const char *const modes[] = {"ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
	                                    "EXCLUSIVE"};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		reader = cluster_open("reads", "read");
		snprintf(sql, sizeof(sql), "BEGIN; LOCK TABLE handback_schema.migration IN %s MODE", modes[i]);
		assert_int_equal(pg_script(reader, sql), PG_ERROR);
		assert_string_equal(pg_sqlstate(reader), "42501"); /* insufficient_privilege */
		pg_close(reader);
	}
	pg_close(pg);
}

/* Two who migrate one database at once: both end well, and each migration was applied once. */
static void
test_two_at_once(void **state)
{
	(void) state;
	pid_t child[2];
	struct pg *pg;

	cluster_run("CREATE DATABASE twice");
	for (int i = 0; i < 2; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i] == 0) {
			int applied = -1;
			pg = cluster_open("postgres", "twice");
			if (migrate_apply(pg, NULL, NULL, &applied, why, sizeof(why)) != PG_OK)
				fprintf(stderr, "%s\n", why);
			pg_close(pg);
			_exit(applied == 0 ? 10 : applied > 0 ? 11 : 12);
		}
	}
	int sum = 0;
	for (int i = 0; i < 2; i++) {
		int status;
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_true(WIFEXITED(status));
		sum += WEXITSTATUS(status);
	}
	assert_int_equal(sum, 21); /* one found nothing to do */
	pg = cluster_open("postgres", "twice");
	assert_int_equal(migrate_check(pg, why, sizeof(why)), PG_OK);
	pg_close(pg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all),
	    cmocka_unit_test(test_unlike),
	    cmocka_unit_test(test_older_and_newer),
	    cmocka_unit_test(test_a_reader_stops_nobody),
	    cmocka_unit_test(test_two_at_once),
	};

	if (!cluster_start())
		return 0;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	cluster_stop();
	return failed;
}
