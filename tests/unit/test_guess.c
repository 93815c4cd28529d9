/* What one small change explains: leaf_guess finds the field and what stood there. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/proof/merkle.h"
#include "lib/proof/verify/leaf_guess.h"

/* A leaf as docs/architecture.md has it: 33 fields. */
static const char original[] =
    "handback-leaf-1\t"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\t12\t0\t1024\t80\trejected\treversed\t"
    "\t1500\t\tR12\t\t"
    "1790000000000000\t"
    "77\t54202c30-20c4-4143-a785-9fa757195cb3\t1\t23\t1500\t1500\tEUR\tSkyline "
    "Air\t4\tSKYLINE\t1780000000000000\t"
    "99\t2f194402-5afa-4907-bb5e-f7022fcb73e8\t1\t23\t1500\t77\t1790000000000000\thandback_daemon";

static void
hash_of(const char *text, uint8_t ret[SHA256_BYTES])
{
	struct merkle m;

	merkle_open(&m);
	merkle_leaf_hash(&m, text, strlen(text), ret);
	merkle_close(&m);
}

/* The leaf with the n-th field (from 0) replaced. */
static char *
with_field(int n, const char *field)
{
	const char *from = original;
	char *text = malloc(sizeof(original) + 64);

	for (int i = 0; i < n; i++)
		from = strchr(from, '\t') + 1;
	snprintf(text, sizeof(original) + 64, "%.*s%s%s", (int) (from - original), original, field,
	         from + strcspn(from, "\t"));
	return text;
}

static void
assert_guess(int n, const char *changed, const char *part, const char *is, const char *was)
{
	uint8_t hash[SHA256_BYTES];
	struct leaf_guess guess;
	char *text = with_field(n, changed);

	hash_of(original, hash);
	assert_true(leaf_guess(text, strlen(text), hash, &guess));
	assert_string_equal(guess.part, part);
	assert_string_equal(guess.is, is);
	assert_string_equal(guess.was, was);
	free(text);
}

static void
test_finds_small_changes(void **state)
{
	(void) state;
	assert_guess(18, "1501", "debit", "1501", "1500");      /* one more */
	assert_guess(18, "1499", "debit", "1499", "1500");      /* one less, three digits changed */
	assert_guess(29, "9500", "reversal", "9500", "1500");   /* the first digit */
	assert_guess(29, "15000", "reversal", "15000", "1500"); /* a digit put in */
}

static void
test_finds_words_and_texts(void **state)
{
	(void) state;
	assert_guess(7, "confirmed", "outcome", "confirmed", "reversed");
	assert_guess(6, "pending", "outcome", "pending", "rejected");
	assert_guess(21, "Skyline Air.", "debit", "Skyline Air.", "Skyline Air");
	assert_guess(21, "Skylone Air", "debit", "Skylone Air", "Skyline Air");
	assert_guess(8, "contradiction", "outcome", "contradiction", "empty"); /* there was nothing */
	assert_guess(15, "54202c30-20c4-4143-a785-9fa757195cb4", "debit", "54202c30-20c4-4143-a785-9fa757195cb4",
	             "54202c30-20c4-4143-a785-9fa757195cb3");
	assert_guess(13, "1790000000000001", "outcome", "1790000000000001", "1790000000000000");
}

static void
test_gives_up(void **state)
{
	uint8_t hash[SHA256_BYTES];
	struct leaf_guess guess = {.part = "untouched"};
	char *text = with_field(15, "00000000-0000-0000-0000-000000000000");

	(void) state;
	hash_of(original, hash);
	assert_false(leaf_guess(text, strlen(text), hash, &guess)); /* more than a small change */
	assert_string_equal(guess.part, "untouched");
	free(text);
	assert_false(leaf_guess("", 0, hash, &guess));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_finds_small_changes),
	    cmocka_unit_test(test_finds_words_and_texts),
	    cmocka_unit_test(test_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
