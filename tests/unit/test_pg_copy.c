/* COPY in and out: every type, large values, a million rows, and what goes wrong. */
#include "cluster.h"
#include "lib/db/pg_copy.h"

static const char create[] =
    "CREATE TEMP TABLE t (n int8, i int4, s int2, b bool, u uuid, t timestamptz, d date, x bytea)";
static const char in[] = "COPY pg_temp.t FROM STDIN (FORMAT binary)";
static const char out[] = "COPY (SELECT * FROM pg_temp.t ORDER BY n) TO STDOUT (FORMAT binary)";
static const uint8_t uuid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static struct pg *
open_table(void)
{
	struct pg *pg = cluster_open("postgres", "handback");

	assert_int_equal(pg_script(pg, create), PG_OK);
	return pg;
}

static void
put_row(struct pg_copy *copy, int64_t n, const void *bytes, size_t len)
{
	pg_copy_row_begin(copy, 8);
	pg_copy_put_int64(copy, n);
	pg_copy_put_int32(copy, (int32_t) -n);
	pg_copy_put_int16(copy, (int16_t) n);
	pg_copy_put_bool(copy, n % 2 == 1);
	pg_copy_put_uuid(copy, uuid);
	pg_copy_put_time(copy, n);
	pg_copy_put_date(copy, -1);
	if (bytes == NULL)
		pg_copy_put_null(copy);
	else
		pg_copy_put_bytes(copy, bytes, len);
}

static int64_t
number(struct pg *pg, const char *sql)
{
	struct pg_result *r;

	if (pg_run(pg, sql, 0, NULL, &r) != PG_OK)
		fail_msg("%s", pg_why(pg));
	int64_t n = pg_int(r, 0, 0);
	pg_result_free(r);
	return n;
}

static void
test_there_and_back(void **state)
{
	(void) state;
	enum { ROWS = 200000, BIG = 3 << 20 };
	struct pg *pg = open_table();
	struct pg_copy *copy;
	struct pg_reader *r;
	uint8_t *big = malloc(BIG);
	int64_t n = 0;
	size_t len;

	assert_non_null(big);
	memset(big, 'x', BIG);
	assert_int_equal(pg_copy_begin(pg, in, &copy), PG_OK);
	for (int64_t i = 1; i <= ROWS; i++) {
		/* around the buffer's size, far over it, empty, and NULL */
		size_t size = i == 7          ? BIG
		              : i % 1000 == 0 ? (256 << 10) - 3000 + (size_t) (i / 1000) * 17
		                              : (size_t) (i % 3);

		put_row(copy, i, i % 5 == 1 ? NULL : big, size);
	}
	if (pg_copy_end(copy) != PG_OK)
		fail_msg("%s", pg_why(pg));
	assert_int_equal(
	    number(pg,
	           "SELECT count(*) FROM pg_temp.t WHERE i = -n AND t = timestamptz 'epoch' + n * interval '1us'"
	           " AND d = '1969-12-31' AND u = '01020304-0506-0708-090a-0b0c0d0e0f10'"),
	    ROWS);

	assert_int_equal(pg_read_begin(pg, out, &r), PG_OK);
	while (pg_read_row(r)) {
		n++;
		assert_int_equal(r->columns, 8);
		assert_true(pg_read_int(r, 0) == n);
		assert_true(pg_read_int(r, 0) == -n);
		assert_true(pg_read_int(r, 0) == (int16_t) n);
		assert_true(pg_read_int(r, 9) == n % 2);
		assert_memory_equal(pg_read_bytes(r, &len), uuid, 16);
		assert_true(pg_read_time(r, 0) == n);
		assert_true(pg_read_int(r, 0) == -1 - PG_EPOCH_DAYS);
		const uint8_t *bytes = pg_read_bytes(r, &len);
		assert_true((bytes == NULL) == (n % 5 == 1));
		assert_int_equal(len, n == 7          ? BIG
		                      : n % 5 == 1    ? 0
		                      : n % 1000 == 0 ? (256 << 10) - 3000 + n / 1000 * 17
		                                      : n % 3);
	}
	assert_int_equal(n, ROWS);
	assert_int_equal(pg_read_end(r), PG_OK);
	assert_int_equal(number(pg, "SELECT 1"), 1);
	free(big);
	pg_close(pg);
}

static void
test_nothing(void **state)
{
	(void) state;
	struct pg *pg = open_table();
	struct pg_copy *copy;
	struct pg_reader *r;

	assert_int_equal(pg_copy_begin(pg, in, &copy), PG_OK);
	assert_int_equal(pg_copy_end(copy), PG_OK);
	assert_int_equal(pg_read_begin(pg, out, &r), PG_OK);
	assert_false(pg_read_row(r));
	assert_false(pg_read_row(r));
	assert_int_equal(pg_read_end(r), PG_OK);
	assert_int_equal(pg_read_end(NULL), PG_OK);
	pg_copy_abort(NULL);
	pg_close(pg);
}

static void
test_broken_off(void **state)
{
	(void) state;
	struct pg *pg = open_table();
	struct pg_copy *copy;
	struct pg_reader *r;

	assert_int_equal(pg_copy_begin(pg, in, &copy), PG_OK);
	for (int i = 0; i < 10000; i++)
		put_row(copy, i, "x", 1);
	pg_copy_abort(copy);
	assert_int_equal(number(pg, "SELECT count(*) FROM pg_temp.t"), 0);

	assert_int_equal(
	    pg_read_begin(pg, "COPY (SELECT i FROM generate_series(1, 10000000) i) TO STDOUT (FORMAT binary)",
	                  &r),
	    PG_OK);
	for (int i = 0; i < 10; i++)
		assert_true(pg_read_row(r));
	assert_int_equal(pg_read_end(r), PG_OK);
	assert_int_equal(number(pg, "SELECT 1"), 1);
	pg_close(pg);
}

static void
test_refused(void **state)
{
	(void) state;
	struct pg *pg = open_table();
	struct pg_copy *copy;
	struct pg_reader *r;

	assert_int_equal(pg_copy_begin(pg, "COPY pg_temp.nothing FROM STDIN (FORMAT binary)", &copy), PG_ERROR);
	assert_int_equal(pg_read_begin(pg, "COPY pg_temp.nothing TO STDOUT (FORMAT binary)", &r), PG_ERROR);
	assert_int_equal(pg_copy_begin(pg, "SELECT 1", &copy), PG_ERROR);

	/* a column of another width than its type's */
	assert_int_equal(pg_copy_begin(pg, "COPY pg_temp.t (n) FROM STDIN (FORMAT binary)", &copy), PG_OK);
	pg_copy_row_begin(copy, 1);
	pg_copy_put_int32(copy, 1);
	assert_int_equal(pg_copy_end(copy), PG_ERROR);
	assert_int_equal(number(pg, "SELECT count(*) FROM pg_temp.t"), 0);

	/* an error in the middle of many rows, at the server */
	assert_int_equal(pg_script(pg, "ALTER TABLE pg_temp.t ADD CHECK (n <> 5000)"), PG_OK);
	assert_int_equal(pg_copy_begin(pg, in, &copy), PG_OK);
	for (int i = 0; i < 100000; i++)
		put_row(copy, i, "x", 1);
	assert_int_equal(pg_copy_end(copy), PG_ERROR);
	assert_string_equal(pg_sqlstate(pg), "23514");
	assert_int_equal(number(pg, "SELECT count(*) FROM pg_temp.t"), 0);

	assert_int_equal(
	    pg_read_begin(
	        pg, "COPY (SELECT 1 / (5000 - i) FROM generate_series(1, 9000) i) TO STDOUT (FORMAT binary)", &r),
	    PG_OK);
	while (pg_read_row(r))
		;
	assert_int_equal(pg_read_end(r), PG_ERROR);
	assert_string_equal(pg_sqlstate(pg), "22012");
	assert_int_equal(number(pg, "SELECT 1"), 1);
	pg_close(pg);
}

static void
test_server_goes(void **state)
{
	(void) state;
	struct pg *pg = open_table();
	struct pg_copy *copy;
	struct pg_reader *r;

	assert_int_equal(pg_copy_begin(pg, in, &copy), PG_OK);
	cluster_run("SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE query "
	            "LIKE 'COPY%'");
	for (int i = 0; i < 100000; i++)
		put_row(copy, i, "x", 1);
	assert_int_equal(pg_copy_end(copy), PG_LOST);
	assert_int_equal(pg_reopen(pg), PG_OK);

	assert_int_equal(
	    pg_read_begin(pg, "COPY (SELECT i FROM generate_series(1, 10000000) i) TO STDOUT (FORMAT binary)",
	                  &r),
	    PG_OK);
	cluster_run("SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE query "
	            "LIKE 'COPY%'");
	while (pg_read_row(r))
		;
	assert_int_equal(pg_read_end(r), PG_LOST);
	pg_close(pg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_broken_off),     cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_server_goes),
	};

	if (!cluster_start())
		return 0;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	cluster_stop();
	return failed;
}
