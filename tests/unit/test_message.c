#include "tests/unit/check.h"

#include "lib/protocol/message.h"

static void
comes_back(void **state)
{
	struct message_line line;
	struct message m;
	unsigned char back[8];
	size_t len = 0;
	int64_t number = 0;

	(void) state;
	message_start(&line, "file");
	message_add(&line, "why", "tab\t newline\n back\\slash \xff");
	message_add_int(&line, "size", INT64_MIN);
	message_add_hex(&line, "name", "a\0b", 3);
	message_add_bytes(&line, "raw", "x\0y", 3);
	message_add(&line, "empty", "");
	assert_true(message_end(&line));
	assert_int_equal(line.text[line.length - 1], '\n');
	line.text[line.length - 1] = '\0';
	assert_null(strchr(line.text, '\n'));

	assert_true(message_read(&m, line.text));
	assert_string_equal(m.verb, "file");
	assert_string_equal(message_text(&m, "why"), "tab\t newline\n back\\slash \xff");
	assert_true(message_int(&m, "size", INT64_MIN, INT64_MAX, &number));
	assert_int_equal(number, INT64_MIN);
	assert_false(message_int(&m, "size", 0, INT64_MAX, &number));
	assert_true(message_hex(&m, "name", back, sizeof(back), &len));
	assert_int_equal(len, 3);
	assert_memory_equal(back, "a\0b", 3);
	assert_false(message_hex(&m, "name", back, 2, &len));
	assert_null(message_text(&m, "raw"));
	assert_string_equal(message_text(&m, "empty"), "");
	assert_null(message_text(&m, "none"));
}

static void
refused_lines(void **state)
{
	static const char *const bad[] = {"",         "\t",        "Job",        "job ",          "job\t",
	                                  "job\tx",   "job\t=1",   "job\ta=1\t", "job\ta=1\ta=2", "job\ta=\\q",
	                                  "job\tA=1", "job\ta=\n", "a=1",        "job\t\ta=1",    "job\ta=\x01"};
	struct message m;

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char line[64];
		snprintf(line, sizeof(line), "%s", bad[i]);
		assert_false(message_read(&m, line));
	}
}

static void
limits_hold(void **state)
{
	static char big[MESSAGE_BYTES + 1];
	struct message_line line;
	struct message m;
	char key[8];

	(void) state;
	memset(big, 'x', sizeof(big) - 1);
	message_start(&line, "m");
	message_add_bytes(&line, "k", big, MESSAGE_BYTES - 4);
	assert_true(message_end(&line));
	assert_int_equal(line.length, MESSAGE_BYTES + 1);
	message_start(&line, "m");
	message_add_bytes(&line, "k", big, MESSAGE_BYTES - 3);
	assert_false(message_end(&line));
	message_start(&line, "m");
	message_add_hex(&line, "k", big, MESSAGE_BYTES / 2 - 2);
	assert_true(message_end(&line));
	message_start(&line, "m");
	message_add_hex(&line, "k", big, MESSAGE_BYTES / 2 - 1);
	assert_false(message_end(&line));

	for (int over = 0; over <= 1; over++) {
		message_start(&line, "m");
		for (int i = 0; i < MESSAGE_PAIRS + over; i++) {
			snprintf(key, sizeof(key), "k%d", i);
			message_add(&line, key, "v");
		}
		assert_false(line.full);
		assert_int_equal(message_read(&m, line.text), !over);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comes_back),
	    cmocka_unit_test(refused_lines),
	    cmocka_unit_test(limits_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
