/* The JSON reader: what RFC 8259 allows, at every chunk size, and nothing else. */
#include "tests/unit/check.h"

#include "parsers/nested/json_reader.h"

static const struct json_limits usual = {.depth = 8, .text_bytes = 64, .keys = 4};

/* The tokens as one line: "{k:a s:1 }" and so on; or "!rule@offset". */
static void
read_as(const char *text, size_t len, size_t chunk, const struct json_limits *limits, char *out, size_t size)
{
	static const char *const marks[] = {
	    [JSON_OBJECT] = "{", [JSON_OBJECT_END] = "}", [JSON_ARRAY] = "[",  [JSON_ARRAY_END] = "]",
	    [JSON_KEY] = "k",    [JSON_STRING] = "s",     [JSON_NUMBER] = "n", [JSON_TRUE] = "t",
	    [JSON_FALSE] = "f",  [JSON_NULL] = "0"};
	struct input_memory in;
	struct json_reader *r;
	struct json_token t;
	size_t at = 0;
	int rc;

	input_memory_init(&in, text, len, chunk);
	r = json_reader_new(&in.input, limits);
	out[0] = '\0';
	while ((rc = json_reader_next(r, &t)) == 1) {
		bool has_text = t.event == JSON_KEY || t.event == JSON_STRING || t.event == JSON_NUMBER;
		assert_true(t.offset < t.end && t.end <= len);
		at += (size_t) snprintf(out + at, size - at, "%s%s%.*s", marks[t.event], has_text ? ":" : "",
		                        has_text ? (int) t.text.len : 0, has_text ? t.text.data : "");
		assert_true(at < size);
	}
	assert_int_equal(json_reader_next(r, &t), rc);
	if (rc < 0)
		snprintf(out + at, size - at, "!%s@%u", json_reader_why(r)->rule,
		         (unsigned) json_reader_why(r)->offset);
	else
		assert_int_equal(json_reader_bytes(r), len);
	json_reader_free(r);
}

static void
assert_reads(const struct json_limits *limits, const char *text, size_t len, const char *expected)
{
	static const size_t chunks[] = {0, 1, 2, 3, 7};
	char out[2048];

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		read_as(text, len, chunks[i], limits, out, sizeof(out));
		if (strcmp(out, expected) != 0)
			print_message("%s\n", text);
		assert_string_equal(out, expected);
	}
}

static void
test_accepts(void **state)
{
	static const char *const cases[][2] = {
	    {"{}", "{}"},
	    {" [ ] \r\n", "[]"},
	    {"{\"a\":1,\"b\" : [true,false , null]}", "{k:an:1k:b[tf0]}"},
	    {"\"\"", "s:"},
	    {"-0", "n:-0"},
	    {"[0,0.50,-12e+3,1E-9,123456789012345678901234567890]",
	     "[n:0n:0.50n:-12e+3n:1E-9n:123456789012345678901234567890]"},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "s:\"\\/\b\f\n\r\t"},
	    {"\"\\u0041\\u00e9\\u20AC\\uD83D\\ude00\"", "s:A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
	    {"\"M\xC3\xBCller\"", "s:M\xC3\xBCller"},
	    {"{\"a\":{\"a\":1},\"b\":{\"a\":2}}", "{k:a{k:an:1}k:b{k:an:2}}"},
	    {"{\"\\u0061\":1}", "{k:an:1}"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_reads(&usual, cases[i][0], strlen(cases[i][0]), cases[i][1]);
}

static void
test_refuses(void **state)
{
	static const char *const cases[][2] = {
	    {"", "!truncated@0"},
	    {"   ", "!truncated@3"},
	    {"{", "{!truncated@1"},
	    {"[1", "[n:1!truncated@2"},
	    {"\"a", "!truncated@2"},
	    {"\"\\u00", "!truncated@5"},
	    {"tru", "!truncated@3"},
	    {"{\"a\"", "{!truncated@4"},
	    {"{} {}", "{}!trailing_bytes@3"},
	    {"1 2", "n:1!trailing_bytes@2"},
	    {"[1,]", "[n:1!not_json@3"},
	    {"[,1]", "[!not_json@1"},
	    {"[1 2]", "[n:1!not_json@3"},
	    {"[1}", "[n:1!not_json@2"},
	    {"{\"a\":1]", "{k:an:1!not_json@6"},
	    {"{\"a\":1,}", "{k:an:1!not_json@7"},
	    {"{a:1}", "{!not_json@1"},
	    {"{\"a\" 1}", "{!not_json@5"},
	    {"{\"a\":}", "{k:a!not_json@5"},
	    {"{\"a\"::1}", "{k:a!not_json@5"},
	    {"{,}", "{!not_json@1"},
	    {"[01]", "[n:0!not_json@2"},
	    {"[1.]", "[!not_json@3"},
	    {"[.5]", "[!not_json@1"},
	    {"[1e]", "[!not_json@3"},
	    {"[-]", "[!not_json@2"},
	    {"[+1]", "[!not_json@1"},
	    {"NaN", "!not_json@0"},
	    {"'a'", "!not_json@0"},
	    {"nul1", "!not_json@3"},
	    {"[1]//x", "[n:1]!trailing_bytes@3"},
	    {"\"\\x41\"", "!not_json@2"},
	    {"\"\\u12G4\"", "!not_json@5"},
	    {"\"a\tb\"", "!not_json@2"},
	    {"\"\\u0000\"", "!nul@7"},
	    {"\"\\uD800\"", "!not_json@7"},
	    {"\"\\uD800\\u0041\"", "!not_json@13"},
	    {"\"\\uDC00\"", "!not_json@7"},
	    {"{\"a\":1,\"a\":2}", "{k:an:1!duplicate_key@10"},
	    {"{\"a\":1,\"\\u0061\":2}", "{k:an:1!duplicate_key@15"},
	    {"{\"a\":{\"b\":1},\"a\":2}", "{k:a{k:bn:1}!duplicate_key@16"},
	    {"\xEF\xBB\xBF{}", "!bom@3"},
	    {"\xFF\xFE{", "!not_json@0"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_reads(&usual, cases[i][0], strlen(cases[i][0]), cases[i][1]);
	assert_reads(&usual, "[\0]", 3, "[!nul@1");
	assert_reads(&usual, "\"\0\"", 3, "!nul@1");
	assert_reads(&usual, "1\0", 2, "n:1!trailing_bytes@1");
}

static void
test_not_utf8(void **state)
{
	static const char *const bad[] = {
	    "\"\xC0\xAF\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"",    "\"\xE2\x82\"",
	    "\"\x80\"",     "\"\xC3(\"",        "\"\xF8\x88\x80\x80\x80\""};
	char out[128];

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		read_as(bad[i], strlen(bad[i]), 0, &usual, out, sizeof(out));
		assert_string_equal(out, "!not_utf8@1");
		read_as(bad[i], strlen(bad[i]), 1, &usual, out, sizeof(out));
		assert_string_equal(out, "!not_utf8@1");
	}
}

static void
test_limits(void **state)
{
	char text[256], expected[256];

	(void) state;
	assert_reads(&usual, "[[[[[[[[]]]]]]]]", 16, "[[[[[[[[]]]]]]]]");
	assert_reads(&usual, "[[[[[[[[[]]]]]]]]]", 18, "[[[[[[[[!too_deep@8");
	assert_reads(&usual, "{\"a\":1,\"b\":1,\"c\":1,\"d\":1}", 25, "{k:an:1k:bn:1k:cn:1k:dn:1}");
	assert_reads(&usual, "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1}", 31,
	             "{k:an:1k:bn:1k:cn:1k:dn:1!too_many_keys@28");
	for (int n = 64; n <= 65; n++) {
		char run[66];
		memset(run, '7', sizeof(run));
		run[n] = '\0';
		snprintf(text, sizeof(text), "\"%s\"", run);
		snprintf(expected, sizeof(expected), n == 64 ? "s:%s" : "!field_too_long@", run);
		for (size_t chunk = 0; chunk < 5; chunk++) {
			char out[256];
			read_as(text, strlen(text), chunk, &usual, out, sizeof(out));
			assert_memory_equal(out, expected, strlen(expected));
		}
		snprintf(expected, sizeof(expected), n == 64 ? "n:%s" : "!field_too_long@64", run);
		assert_reads(&usual, run, strlen(run), expected);
	}
}

static void
test_lines(void **state)
{
	struct json_limits lines = usual;

	(void) state;
	lines.lines = true;
	assert_reads(&lines, "", 0, "");
	assert_reads(&lines, "{}\n[]\n", 6, "{}[]");
	assert_reads(&lines, "{}\r\n{}", 6, "{}{}");
	assert_reads(&lines, "{}{}\n", 5, "{}!trailing_bytes@2");
	assert_reads(&lines, "{\"a\":\n1}\n", 9, "{k:a!not_json@5");
	assert_reads(&lines, "{\"a\"\n:1}\n", 9, "{!not_json@4");
	assert_reads(&lines, "{}\n\n{}\n", 7, "{}!not_json@3");
	lines.last_newline = true;
	assert_reads(&lines, "{}\n{}\n", 6, "{}{}");
	assert_reads(&lines, "{}\n{}", 5, "{}{}!truncated@5");
}

static void
test_byte_order_mark(void **state)
{
	struct json_limits limits = usual;

	(void) state;
	limits.bom = 1;
	assert_reads(&limits, "\xEF\xBB\xBF{}", 5, "{}");
	assert_reads(&limits, "{}", 2, "{}");
	assert_reads(&limits, "\xEF\xBB{}", 4, "!not_json@2");
	limits.bom = 2;
	assert_reads(&limits, "\xEF\xBB\xBF{}", 5, "{}");
	assert_reads(&limits, "{}", 2, "!no_bom@0");
}

/* Every prefix of a document is refused, and every document with a byte changed ends, one way or the other.
 */
static void
test_cut_and_changed(void **state)
{
	static const char text[] =
	    "{\"h\":{\"id\":\"x\\u00e9\",\"n\":-1.5e3},\"c\":[{\"a\":\"1\"},{\"a\":null}],\"t\":true}";
	char changed[sizeof(text)], out[1024];

	(void) state;
	for (size_t cut = 0; cut + 1 < sizeof(text); cut++) {
		read_as(text, cut, cut % 5, &usual, out, sizeof(out));
		assert_non_null(strchr(out, '!'));
	}
	for (size_t i = 0; i + 1 < sizeof(text); i++)
		for (unsigned v = 0; v < 256; v++) {
			memcpy(changed, text, sizeof(text));
			changed[i] = (char) v;
			read_as(changed, sizeof(text) - 1, i % 4, &usual, out, sizeof(out));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_accepts),         cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_not_utf8),        cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_lines),           cmocka_unit_test(test_byte_order_mark),
	    cmocka_unit_test(test_cut_and_changed),
	};
	return cmocka_run_group_tests_name("json_reader", tests, NULL, NULL);
}
