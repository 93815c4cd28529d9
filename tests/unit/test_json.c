/* JSON of ours: written as UTF-8, with what nobody should meet escaped; read strictly. */
#include "tests/unit/check.h"

#include "lib/json/json.h"

static void
test_reads(void **state)
{
	char buf[JSON_PLAIN_SIZE];
	struct json *n =
	    json_parse(" {\"a\": \"x\\n\\u00e9\\\\\\\"\", \"b\":[1,-2.5,true,null],\"c\":{}, \"d\":\"\","
	               "\"e\":-9223372036854775808,\"f\":true} \n");

	(void) state;
	assert_non_null(n);
	assert_string_equal(json_string_of(n, "a"), "x\né\\\"");
	const struct json *list = json_get(n, "b");
	assert_true(json_is_list(list));
	assert_int_equal(json_count(list), 4);
	assert_string_equal(json_plain(json_item(list, 0), buf), "1");
	assert_null(json_plain(json_item(list, 1), buf)); /* no number of ours has a fraction */
	assert_string_equal(json_plain(json_item(list, 2), buf), "true");
	assert_null(json_plain(json_item(list, 3), buf));
	assert_null(json_item(list, 4));
	assert_true(json_is_map(json_get(n, "c")));
	assert_int_equal(json_count(json_get(n, "c")), 0);
	assert_string_equal(json_string_of(n, "d"), "");
	assert_int_equal(json_int_of(n, "e"), INT64_MIN);
	assert_true(json_true_of(n, "f"));
	assert_false(json_true_of(n, "a"));
	assert_null(json_string_of(n, "nothing"));
	assert_int_equal(json_int_of(n, "nothing"), 0);
	assert_null(json_string_of(NULL, "a"));
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
	                                    "[1 2]",
	                                    "{\"a\":1,\"a\":2}",
	                                    "9223372036854775808",
	                                    "\"\xff\"",
	                                    "\"\\u0000\""};

	(void) state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_null(json_parse(wrong[i]));
}

/* One map with one text; what json_take makes of it. */
static void
writes(const char *text, const char *expected)
{
	struct json_build b = {0};
	size_t len = 0;

	json_open_map(&b, NULL);
	json_text(&b, "t", text);
	json_close(&b);
	char *line = json_take(&b, &len);
	assert_non_null(line);
	assert_int_equal(len, strlen(line));
	assert_int_equal(line[len - 1], '\n');
	line[len - 1] = '\0';
	assert_string_equal(line, expected);
	free(line);
}

static void
test_texts(void **state)
{
	(void) state;
	writes(NULL, "{\"t\": null}");
	writes("", "{\"t\": \"\"}");
	writes("ä 漢 😀 a/b", "{\"t\": \"ä 漢 😀 a/b\"}");
	writes("\"\\\n\t\x01\x1b", "{\"t\": \"\\\"\\\\\\n\\t\\u0001\\u001B\"}");
	writes("\x7f\xc2\x9b", "{\"t\": \"\\u007F\\u009B\"}"); /* DEL, C1 */
	writes("a\u202eb\u2066\ufeff\u200b\U000e0041",
	       "{\"t\": \"a\\u202Eb\\u2066\\uFEFF\\u200B\\uDB40\\uDC41\"}");
	/* no UTF-8: each byte of it is U+FFFD, and what stands around it is kept */
	writes("ä\xff\xc3z\xed\xa0\x80", "{\"t\": \"ä\\uFFFD\\uFFFDz\\uFFFD\\uFFFD\\uFFFD\"}");
	writes("\xe6\xbc", "{\"t\": \"\\uFFFD\\uFFFD\"}");
}

static void
test_values(void **state)
{
	struct json_build b = {0};
	size_t len = 0;

	(void) state;
	json_open_map(&b, NULL);
	json_int(&b, "z", INT64_MIN); /* members keep their order */
	json_open_list(&b, "a");
	json_bool(&b, NULL, true);
	json_bool(&b, NULL, false);
	json_open_map(&b, NULL);
	json_close(&b);
	json_close(&b);
	json_int(&b, "m", 0);
	json_close(&b);
	char *line = json_take(&b, &len);
	assert_string_equal(line, "{\"z\": -9223372036854775808, \"a\": [true, false, {}], \"m\": 0}\n");
	struct json *back = json_parse(line);
	assert_non_null(back);
	json_free(back);
	free(line);
	/* it is as new, and may be used again; too deep is no value */
	for (int i = 0; i <= JSON_DEPTH; i++)
		json_open_list(&b, NULL);
	assert_null(json_take(&b, &len));
	json_text(&b, NULL, "x");
	line = json_take(&b, &len);
	assert_string_equal(line, "\"x\"\n");
	free(line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads), cmocka_unit_test(test_refuses),
	                                   cmocka_unit_test(test_texts), cmocka_unit_test(test_values)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
