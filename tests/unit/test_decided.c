/* What was decided comes back in the file's order and unchanged, whatever the order and the sizes in which it
 * came. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/limits.h"
#include "lib/base/sum.h"
#include "reconcile/decide/decided.h"

#define MANY (3 * DECIDED_RUN + 17)
#define LONG_TEXT 40000         /* longer than a run's buffer: goes to the file by itself */
#define MORE (30 * DECIDED_RUN) /* than what is kept in memory */

static char long_text[LONG_TEXT];

/* Everything about record n follows from n. */
static struct leaf
leaf_of(int64_t n, char text[32])
{
	struct leaf leaf = {.record_no = n,
	                    .byte_offset = n * 84,
	                    .byte_length = 84,
	                    .verdict = 1 + (int) (n % 5),
	                    .outcome = 1 + (int) (n % 6),
	                    .has_points = n % 7 != 0,
	                    .points = n % 7 != 0 ? -n : 0,
	                    .decided_at = 1234567,
	                    .has_redemption = n % 3 != 0};

	snprintf(text, 32, "R%lld", (long long) n);
	leaf.reasons = (struct leaf_text){text, strlen(text)};
	if (n % 1000 == 1)
		leaf.detail = (struct leaf_text){long_text, LONG_TEXT};
	if (leaf.has_redemption) {
		leaf.redemption.id = n + 1000000;
		leaf.redemption.programme_id = 1;
		leaf.redemption.member_id = n / 10;
		leaf.redemption.points = INT64_MAX - n;
		leaf.redemption.has_amount = true;
		leaf.redemption.amount = n * 3;
		leaf.redemption.has_transaction_type = n % 2 == 0;
		leaf.redemption.transaction_type = n % 2 == 0 ? 4 : 0;
		leaf.redemption.currency = (struct leaf_text){"EUR", 3};
		leaf.redemption.partner = (struct leaf_text){text, 1};
		leaf.redemption.redeemed_at = n * 7;
		memset(leaf.redemption.external_reference, (int) (n & 255), 16);
	}
	return leaf;
}

static void
assert_text(struct leaf_text a, struct leaf_text b)
{
	assert_int_equal(a.len, b.len);
	if (a.len > 0)
		assert_memory_equal(a.data, b.data, a.len);
}

static void
assert_same(const struct leaf *a, const struct leaf *b)
{
	assert_text(a->hold_reason, b->hold_reason);
	assert_text(a->reference, b->reference);
	assert_text(a->reasons, b->reasons);
	assert_text(a->detail, b->detail);
	assert_text(a->redemption.currency, b->redemption.currency);
	assert_text(a->redemption.merchant, b->redemption.merchant);
	assert_text(a->redemption.partner, b->redemption.partner);
	assert_int_equal(a->record_no, b->record_no);
	assert_int_equal(a->byte_offset, b->byte_offset);
	assert_int_equal(a->byte_length, b->byte_length);
	assert_int_equal(a->verdict, b->verdict);
	assert_int_equal(a->outcome, b->outcome);
	assert_int_equal(a->has_points, b->has_points);
	assert_int_equal(a->points, b->points);
	assert_int_equal(a->decided_at, b->decided_at);
	assert_int_equal(a->has_redemption, b->has_redemption);
	assert_false(b->has_reversal);
	assert_int_equal(a->redemption.id, b->redemption.id);
	assert_int_equal(a->redemption.programme_id, b->redemption.programme_id);
	assert_int_equal(a->redemption.member_id, b->redemption.member_id);
	assert_int_equal(a->redemption.points, b->redemption.points);
	assert_int_equal(a->redemption.has_amount, b->redemption.has_amount);
	assert_int_equal(a->redemption.amount, b->redemption.amount);
	assert_int_equal(a->redemption.has_transaction_type, b->redemption.has_transaction_type);
	assert_int_equal(a->redemption.transaction_type, b->redemption.transaction_type);
	assert_int_equal(a->redemption.redeemed_at, b->redemption.redeemed_at);
	assert_memory_equal(a->redemption.external_reference, b->redemption.external_reference, 16);
}

/* Adds record 1 to count in an order that jumps by step, which shares no divisor with count. */
static struct decided *
filled(int64_t count, int64_t step)
{
	int work = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct decided *d = decided_new(work);
	char text[32];

	assert_non_null(d);
	for (int64_t i = 0; i < count; i++) {
		struct leaf leaf = leaf_of(i * step % count + 1, text);

		assert_int_equal(decided_add(d, &leaf), 0);
		memset(text, 'x', sizeof(text)); /* a copy was taken */
	}
	close(work);
	return d;
}

static void
assert_all(struct decided *d, int64_t count)
{
	int64_t n = 0;
	char text[32];

	assert_int_equal(decided_records(d), count);
	for (size_t run = 0; run < decided_runs(d); run++) {
		struct leaf *leaf;
		size_t records;

		assert_int_equal(decided_load(d, run, &leaf, &records), 0);
		for (size_t i = 0; i < records; i++) {
			const struct leaf expected = leaf_of(++n, text);

			assert_same(&expected, &leaf[i]);
		}
	}
	assert_int_equal(n, count);
}

static void
test_order(void **state)
{
	(void) state;
	memset(long_text, 'd', sizeof(long_text));
	for (int64_t step = 1; step <= 7919; step += 7918) {
		struct decided *d = filled(MANY, step);

		assert_all(d, MANY);
		assert_all(d, MANY); /* as often as one likes */
		decided_free(d);
	}
	struct decided *more = filled(MORE, 7919);
	assert_all(more, MORE);
	decided_free(more);
	struct decided *few = filled(5, 3);
	assert_all(few, 5);
	decided_free(few);
	decided_free(NULL);
}

static void
test_tallies(void **state)
{
	struct decided *d = filled(600, 1);
	sum_t points = 0;
	size_t count, reversed = 0;
	const int64_t *ids = decided_reversed(d, &count);
	char text[32];

	(void) state;
	for (int64_t n = 1; n <= 600; n++) {
		struct leaf leaf = leaf_of(n, text);

		if (leaf.outcome != OUTCOME_REVERSED)
			continue;
		points += leaf.has_redemption ? leaf.redemption.points : leaf.points;
		assert_int_equal(ids[reversed++], leaf.redemption.id);
	}
	assert_int_equal(count, reversed);
	assert_int_equal(decided_tally(d, OUTCOME_REVERSED)->records, 100);
	assert_true(decided_tally(d, OUTCOME_REVERSED)->points == points);
	assert_int_equal(decided_tally(d, OUTCOME_CLOSED)->records, 0);
	decided_free(d);
}

/* A plan or a ledger's view that gives a record twice, or not at all. */
static void
test_each_once(void **state)
{
	struct leaf *leaf;
	size_t count;
	char text[32];

	(void) state;
	for (int64_t second = 1; second <= 3; second++) {
		struct decided *d = decided_new(-1);
		struct leaf one = leaf_of(1, text);

		one.detail.len = 0;
		assert_int_equal(decided_add(d, &one), 0);
		one.record_no = second;
		assert_int_equal(decided_add(d, &one), 0);
		assert_int_equal(decided_load(d, 0, &leaf, &count), second == 2 ? 0 : -1);
		if (second != 2)
			assert_int_equal(errno, EBADMSG);
		decided_free(d);
	}
}

/* Where no file can be made it is said, and nothing is lost in silence. */
static void
test_no_room(void **state)
{
	int work = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct decided *d = decided_new(work);
	char text[32];
	int64_t n = 0;
	int rc = 0;

	(void) state;
	while (rc == 0 && n++ < MORE) {
		struct leaf leaf = leaf_of(n, text);

		leaf.detail.len = 0; /* a text that is longer than a buffer would want the file at once */
		rc = decided_add(d, &leaf);
	}
	assert_int_equal(rc, -1);
	assert_true(errno == EOPNOTSUPP || errno == ENOENT || errno == EACCES || errno == EISDIR);
	assert_true(n > 20 * DECIDED_RUN); /* that much was kept in memory */
	decided_free(d);
	close(work);
}

static void
test_what_cannot_be(void **state)
{
	struct decided *d = decided_new(-1);
	const struct {
		int64_t record_no;
		int outcome;
	} wrong[] = {{0, 1}, {-1, 1}, {(int64_t) LIMIT_RECORDS + 1, 1}, {1, 0}, {1, OUTCOME_CLOSED + 1}};

	(void) state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct leaf leaf = {.record_no = wrong[i].record_no, .outcome = wrong[i].outcome};

		errno = 0;
		assert_int_equal(decided_add(d, &leaf), -1);
		assert_int_equal(errno, ERANGE);
	}
	assert_int_equal(decided_records(d), 0);
	decided_free(d);
}

static void
test_sums(void **state)
{
	const sum_t two_64 = (sum_t) 1 << 64, most = ((sum_t) 1 << 126) - 1 + ((sum_t) 1 << 126);
	char buf[SUM_TEXT_SIZE];

	(void) state;
	assert_string_equal(sum_text(buf, 0), "0");
	assert_string_equal(sum_text(buf, -7), "-7");
	assert_string_equal(sum_text(buf, two_64), "18446744073709551616");
	assert_string_equal(sum_text(buf, -two_64), "-18446744073709551616");
	assert_string_equal(sum_text(buf, most), "170141183460469231731687303715884105727");
	assert_string_equal(sum_text(buf, -most - 1), "-170141183460469231731687303715884105728");
	assert_int_equal(sum_clamped(two_64), INT64_MAX);
	assert_int_equal(sum_clamped(-two_64), INT64_MIN);
	assert_int_equal(sum_clamped((sum_t) INT64_MAX - 1), INT64_MAX - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order),     cmocka_unit_test(test_tallies),
	    cmocka_unit_test(test_each_once), cmocka_unit_test(test_what_cannot_be),
	    cmocka_unit_test(test_no_room),   cmocka_unit_test(test_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
