/* What handbackd answers, read strictly. */
#include "tests/unit/check.h"

#include "lib/finance/output/json_tree.h"

static void
test_reads(void **state)
{
	struct json_node *n =
	    json_parse(" {\"a\": \"x\\n\\u00e9\\\\\\\"\", \"b\":[1,-2.5,true,null],\"c\":{}, \"d\":\"\"} \n");

	(void) state;
	assert_non_null(n);
	assert_string_equal(json_member(n, "a"), "x\né\\\"");
	const struct json_node *list = json_get(n, "b");
	assert_int_equal(list->kind, JSON_LIST);
	assert_string_equal(list->first->text, "1");
	assert_string_equal(list->first->next->text, "-2.5");
	assert_int_equal(list->first->next->next->kind, JSON_BOOL);
	assert_int_equal(list->first->next->next->next->kind, JSON_NULL);
	assert_null(json_get(n, "c")->first);
	assert_string_equal(json_member(n, "d"), "");
	assert_null(json_member(n, "nothing"));
	assert_null(json_member(NULL, "a"));
	assert_null(json_get(list, "a"));
	json_free(n);
	json_free(NULL);
}

static void
test_refuses(void **state)
{
	static const char *const wrong[] = {"",
	                                    "{",
	                                    "[1,]",
	                                    "{\"a\"}",
	                                    "{\"a\":}",
	                                    "\"x",
	                                    "\"\\x\"",
	                                    "nul",
	                                    "[1] 2",
	                                    "{\"a\":1,}",
	                                    "\"\\u12\"",
	                                    "{a:1}",
	                                    "\"\\ud800\"",
	                                    "[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]",
	                                    "\"\\",
	                                    "[1 2]"};

	(void) state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_null(json_parse(wrong[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads), cmocka_unit_test(test_refuses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
