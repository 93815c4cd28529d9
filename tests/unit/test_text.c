#include "tests/unit/check.h"

#include "lib/base/text.h"

static void
every_byte_survives(void **state)
{
	unsigned char bytes[256], back[256];
	char text[TEXT_ESCAPED_SIZE(256)];
	size_t len = 0;

	(void) state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (unsigned char) i;
	len = text_escape(text, sizeof(text), bytes, sizeof(bytes));
	assert_int_equal(len, strlen(text));
	for (size_t i = 0; i < len; i++)
		assert_true(text[i] >= 0x20 &&
		            text[i] <= 0x7e); /* cmocka has a name for it, another one by version */
	assert_true(text_unescape(back, sizeof(back), text, &len));
	assert_int_equal(len, 256);
	assert_memory_equal(bytes, back, 256);
	/* in place */
	assert_true(text_unescape(text, sizeof(text), text, &len));
	assert_memory_equal(bytes, text, 256);
}

static void
known_forms(void **state)
{
	char text[64];

	(void) state;
	assert_int_equal(text_escape(text, sizeof(text), "a\tb\nc\r\\\x1b[\xff\0z", 12), 25);
	assert_string_equal(text, "a\\tb\\nc\\r\\\\\\x1b[\\xff\\x00z");
}

static void
cut_between_escapes(void **state)
{
	char text[6];

	(void) state;
	assert_int_equal(text_escape(text, sizeof(text), "ab\xff", 3), 6);
	assert_string_equal(text, "ab");
	assert_int_equal(text_escape(text, sizeof(text), "abcde", 5), 5);
	assert_string_equal(text, "abcde");
	/* nothing is put behind a cut, even where a shorter form would fit */
	assert_int_equal(text_escape(text, sizeof(text),
	                             "ab\xff"
	                             "c",
	                             4),
	                 7);
	assert_string_equal(text, "ab");
	assert_int_equal(text_escape(NULL, 0, "\n", 1), 2);
}

static void
refused_forms(void **state)
{
	static const char *const bad[] = {"\\",    "\\q",  "\\x", "\\x1", "\\xg0",
	                                  "\\x0g", "a\tb", "\n",  "\x7f", "\xc3"};
	char buf[8];
	size_t len = 77;

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_unescape(buf, sizeof(buf), bad[i], &len));
	assert_false(text_unescape(buf, 2, "abc", &len));
	assert_int_equal(len, 77);
}

static void
shown_is_bounded(void **state)
{
	char buf[TEXT_SHOWN_SIZE], bytes[LIMIT_SHOWN_BYTES + 1];

	(void) state;
	memset(bytes, 0xff, sizeof(bytes));
	text_show(buf, bytes, LIMIT_SHOWN_BYTES);
	assert_int_equal(strlen(buf), 4 * LIMIT_SHOWN_BYTES);
	text_show(buf, bytes, LIMIT_SHOWN_BYTES + 1);
	assert_string_equal(buf + 4 * LIMIT_SHOWN_BYTES, "... (81 bytes)");
}

static void
hex_both_ways(void **state)
{
	char hex[TEXT_HEX_SIZE(3)];
	unsigned char back[3];
	size_t len = 77;

	(void) state;
	assert_string_equal(text_hex(hex, "\x00\xAb\xff", 3), "00abff");
	assert_true(text_unhex(back, sizeof(back), "00aBff", &len));
	assert_int_equal(len, 3);
	assert_memory_equal(back, "\x00\xab\xff", 3);
	len = 77;
	assert_false(text_unhex(back, sizeof(back), "0", &len));
	assert_false(text_unhex(back, sizeof(back), "0g", &len));
	assert_false(text_unhex(back, sizeof(back), "00000000", &len));
	assert_int_equal(len, 77);
}

static void
whole_numbers(void **state)
{
	static const char *const bad[] = {
	    "", "-", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808", "-9223372036854775809"};
	int64_t n = 77;

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_int(bad[i], INT64_MIN, INT64_MAX, &n));
	assert_false(text_int("5", 6, 9, &n));
	assert_false(text_int("10", 6, 9, &n));
	assert_true(n == 77);
	assert_true(text_int("9223372036854775807", INT64_MIN, INT64_MAX, &n) && n == INT64_MAX);
	assert_true(text_int("-9223372036854775808", INT64_MIN, INT64_MAX, &n) && n == INT64_MIN);
	assert_true(text_int("007", 0, 9, &n) && n == 7);
}

static void
displays(const char *bytes, size_t len, const char *expected)
{
	char text[64];

	assert_int_equal(text_display(text, sizeof(text), bytes, len), strlen(expected));
	assert_string_equal(text, expected);
}

static void
people_see_utf_8(void **state)
{
	char text[6], shown[TEXT_SHOWN_SIZE], wide[3 * LIMIT_SHOWN_BYTES];

	(void) state;
	displays("ä漢😀 a\\b", 13, "ä漢😀 a\\\\b");
	displays("\x1b[\t\n\0\x7f", 6, "\\x1b[\\t\\n\\x00\\x7f");
	displays("\xc2\x9b\xe2\x80\xae\xef\xbb\xbf\xf3\xa0\x81\x81", 12, "\\u{9b}\\u{202e}\\u{feff}\\u{e0041}");
	displays("\xff\xc3z\xed\xa0\x80\xe6\xbc", 8, "\\xff\\xc3z\\xed\\xa0\\x80\\xe6\\xbc");
	/* cut between characters */
	assert_int_equal(text_display(text, sizeof(text), "aää漢", 8), 8);
	assert_string_equal(text, "aää");
	for (size_t i = 0; i < LIMIT_SHOWN_BYTES; i++)
		memcpy(wide + 3 * i, "漢", 3);
	text_show(shown, wide, sizeof(wide));
	assert_null(strstr(shown, "\\x"));
	assert_non_null(strstr(shown, "漢... ("));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_byte_survives), cmocka_unit_test(known_forms),
	    cmocka_unit_test(cut_between_escapes), cmocka_unit_test(refused_forms),
	    cmocka_unit_test(shown_is_bounded),    cmocka_unit_test(hex_both_ways),
	    cmocka_unit_test(whole_numbers),       cmocka_unit_test(people_see_utf_8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
