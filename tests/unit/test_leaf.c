/* The line that is hashed for a record: docs/architecture.md, "The proof", field by field. */
#include "tests/unit/check.h"

#include <string.h>

#include "lib/base/codes.h"
#include "lib/proof/leaf.h"

#define TEXT(text) ((struct leaf_text){(text), sizeof(text) - 1})
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const uint8_t uuid[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};

static void
assert_line(const struct leaf *leaf, const char *expected)
{
	struct leaf_writer w;

	leaf_writer_open(&w);
	assert_true(leaf_write(&w, leaf));
	assert_int_equal(w.len, strlen(expected));
	assert_memory_equal(w.text, expected, w.len);
	leaf_writer_close(&w);
}

static struct leaf
reversed(void)
{
	struct leaf leaf = {
	    .file_sha256 = SHA,
	    .record_no = 7,
	    .byte_offset = INT64_C(5) << 32,
	    .byte_length = 103,
	    .verdict = VERDICT_REJECTED,
	    .outcome = OUTCOME_REVERSED,
	    .has_points = true,
	    .points = -500,
	    .reasons = TEXT("R01 R02"),
	    .decided_at = INT64_C(1780000000123456),
	    .has_redemption = true,
	    .redemption = {.id = 12,
	                   .programme_id = 1,
	                   .member_id = 34,
	                   .points = 500,
	                   .has_amount = true,
	                   .amount = INT64_MAX,
	                   .has_transaction_type = true,
	                   .transaction_type = 6,
	                   .currency = TEXT("EUR"),
	                   .merchant = TEXT("Air\tNorth"),
	                   .partner = TEXT("AIRLINE"),
	                   .redeemed_at = INT64_MIN},
	    .has_reversal = true,
	    .reversal = {.id = 99,
	                 .programme_id = 1,
	                 .member_id = 34,
	                 .points = 500,
	                 .redemption_id = 12,
	                 .posted_at = INT64_C(1780000000123456),
	                 .posted_by = TEXT("handback_daemon")},
	};

	memcpy(leaf.redemption.external_reference, uuid, 16);
	memcpy(leaf.reversal.external_reference, uuid, 16);
	return leaf;
}

static void
test_all_fields(void **state)
{
	struct leaf leaf = reversed();

	(void) state;
	assert_line(
	    &leaf,
	    "handback-leaf-1\t" SHA "\t7\t0\t21474836480\t103\trejected\treversed\t\t-500\t\tR01 R02\t\t"
	    "1780000000123456\t"
	    "12\t00112233-4455-6677-8899-aabbccddeeff\t1\t34\t500\t9223372036854775807\tEUR\tAir\\tNorth\t6\t"
	    "AIRLINE\t-9223372036854775808\t"
	    "99\t00112233-4455-6677-8899-aabbccddeeff\t1\t34\t500\t12\t1780000000123456\thandback_daemon");
}

static void
test_nothing_known(void **state)
{
	struct leaf leaf = {.file_sha256 = SHA,
	                    .record_no = 1,
	                    .verdict = VERDICT_ACCEPTED,
	                    .outcome = OUTCOME_HELD,
	                    .hold_reason = TEXT("unknown_reference"),
	                    .reference = TEXT("a\\b\r\nc")};

	(void) state;
	assert_line(&leaf, "handback-leaf-1\t" SHA
	                   "\t1\t0\t0\t0\taccepted\theld\tunknown_reference\t\ta\\\\b\\r\\nc\t\t\t0"
	                   "\t\t\t\t\t\t\t\t\t\t\t"
	                   "\t\t\t\t\t\t\t\t");
}

/* A text can be as long as a field may be, twice over when escaped. */
static void
test_long_texts(void **state)
{
	static char many[100000];
	struct leaf leaf = reversed();
	struct leaf_writer w;

	(void) state;
	memset(many, '\\', sizeof(many));
	leaf.detail = (struct leaf_text){many, sizeof(many)};
	leaf_writer_open(&w);
	assert_true(leaf_write(&w, &leaf));
	assert_true(w.len > 2 * sizeof(many) && w.len < 2 * sizeof(many) + 1000);
	leaf.detail.len = 0;
	assert_true(leaf_write(&w, &leaf));
	assert_true(w.len < 1000);
	leaf_writer_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_fields),
	    cmocka_unit_test(test_nothing_known),
	    cmocka_unit_test(test_long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
