#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/log.h"

static char out[32768];

/* What one event writes on stderr, behind its time. */
static const char *
logged(int level, const char *message, const struct log_field *fields)
{
	int kept = dup(STDERR_FILENO), ends[2];
	ssize_t n;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	log_write(level, message, fields);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(ends[1]);
	n = read(ends[0], out, sizeof(out) - 1);
	close(ends[0]);
	out[n] = '\0';
	return n == 0 ? "" : strchr(out, ' ') + 1;
}

static void
lines(void **state)
{
	(void) state;
	assert_string_equal(logged(LOG_INFO, "started", NULL), "level=info program=test msg=started\n");
	assert_string_equal(
	    logged(LOG_ERR, "no file",
	           LOG_FIELDS(log_text("source", "a b"), log_bytes("name", "x\n\x1b=\"\0", 6), log_int("n", -5),
	                      log_text("left_out", NULL), log_text("empty", ""), log_errno(ENOENT))),
	    "level=error program=test msg=\"no file\" source=\"a b\" name=\"x\\n\\x1b=\\\"\\x00\" n=-5 "
	    "empty=\"\" "
	    "error=\"No such file or directory\"\n");
	assert_int_equal(strncmp(out, "time=2", 6), 0);
}

static void
a_level_hides_what_is_less_urgent(void **state)
{
	int level = 77;

	(void) state;
	assert_string_equal(logged(LOG_DEBUG, "x", NULL), "");
	assert_false(log_level_from_word("loud", &level));
	assert_int_equal(level, 77);
	assert_true(log_level_from_word("debug", &level));
	log_set_level(level);
	assert_string_equal(logged(LOG_DEBUG, "x", NULL), "level=debug program=test msg=x\n");
	log_set_level(LOG_INFO);
}

static void
a_huge_value_is_one_bounded_line(void **state)
{
	size_t size = 100000;
	char *huge = malloc(size);
	const char *line;

	(void) state;
	memset(huge, '\n', size);
	line = logged(LOG_INFO, "x", LOG_FIELDS(log_bytes("v", huge, size), log_bytes("w", huge, size)));
	assert_true(strlen(line) < 8192);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	free(huge);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines),
	    cmocka_unit_test(a_level_hides_what_is_less_urgent),
	    cmocka_unit_test(a_huge_value_is_one_bounded_line),
	};

	log_open("test", LOG_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
