/* What becomes of a file that is looked at: file.c answers with it, and calls nobody. */
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/inbox/file.h"
#include "daemon/loop.h"

static const struct file_rule by_time = {.settle_ms = 5000}, at_once = {.settle_ms = 0},
                              by_name = {.told_by_name = true, .settle_ms = 5000};
static struct event_base *base;

static void
on_timer(evutil_socket_t fd, short what, void *context)
{
	(void) fd;
	(void) what;
	(void) context;
}

static struct file *
new_file(void)
{
	struct file *f = file_new(NULL, base, "a.csv", on_timer);

	assert_true(f != NULL && f->state == FILE_SETTLING);
	return f;
}

static const struct stat plain = {.st_mode = S_IFREG | 0644, .st_nlink = 1, .st_size = 10};

static void
test_settles(void **state)
{
	(void) state;
	struct file *f = new_file();
	struct file_action a = file_seen(f, &plain, true, FILE_IN_PASSING, &by_time);

	assert_true(a.to == FILE_SETTLING && a.ms == 5000 && a.settles && a.message == NULL);
	a = file_seen(f, &plain, true, FILE_TIMER, &by_time);
	assert_true(a.to == FILE_DUE && a.ms == -1);

	/* it changed meanwhile: once more from the beginning */
	struct stat grown = plain;
	grown.st_size++;
	a = file_seen(f, &grown, true, FILE_TIMER, &by_time);
	assert_true(a.to == FILE_SETTLING && a.ms == 5000);
	file_free(f);
}

static void
test_complete_by_name(void **state)
{
	(void) state;
	struct file *f = new_file();
	struct file_action a = file_seen(f, &plain, false, FILE_IN_PASSING, &by_name);

	assert_true(a.to == FILE_SETTLING && a.ms == -1 &&
	            a.stops); /* waits for its sidecar file, and for no time */
	a = file_seen(f, &plain, true, FILE_IN_PASSING, &by_name);
	assert_true(a.to == FILE_DUE && a.settles);
	file_free(f);
}

static void
test_seen_twice_unless_told(void **state)
{
	(void) state;
	struct file *f = new_file();

	assert_true(file_seen(f, &plain, true, FILE_IN_PASSING, &at_once).ms > 0);
	assert_true(file_seen(f, &plain, true, FILE_FINISHED, &at_once).to == FILE_DUE);
	file_free(f);
}

static void
test_refused_once(void **state)
{
	(void) state;
	struct stat link = plain;
	struct file *f = new_file();
	struct file_action a;

	link.st_mode = S_IFLNK | 0777;
	a = file_seen(f, &link, true, FILE_IN_PASSING, &by_time);
	assert_true(a.to == FILE_REFUSED && a.message != NULL && strstr(a.why, "symbolic link") != NULL);
	f->state = a.to;
	assert_true(file_seen(f, &link, true, FILE_IN_PASSING, &by_time).message == NULL);
	assert_true(file_unreadable(f, EACCES).message == NULL);
	file_free(f);
}

static void
test_running_is_left_alone(void **state)
{
	(void) state;
	struct file *f = new_file();
	struct file_action a;

	f->state = FILE_RUNNING;
	a = file_seen(f, &plain, true, FILE_FINISHED, &at_once);
	assert_true(a.to == FILE_RUNNING && !a.settles && !a.stops && a.ms == -1);
	a = file_unreadable(f, EACCES);
	assert_true(a.to == FILE_RUNNING && !a.stops && a.message == NULL);
	file_free(f);
}

static void
test_still_there(void **state)
{
	(void) state;
	struct file *f = new_file();

	(void) file_seen(f, &plain, true, FILE_IN_PASSING, &by_time);
	f->state = FILE_HANDLED;
	assert_true(file_seen(f, &plain, true, FILE_IN_PASSING, &by_time).message != NULL);
	assert_true(file_seen(f, &plain, true, FILE_IN_PASSING, &by_time).message == NULL); /* said once */
	file_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_settles),
	    cmocka_unit_test(test_complete_by_name),
	    cmocka_unit_test(test_seen_twice_unless_told),
	    cmocka_unit_test(test_refused_once),
	    cmocka_unit_test(test_running_is_left_alone),
	    cmocka_unit_test(test_still_there),
	};
	int failed;

	base = loop_new();
	if (base == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	event_base_free(base);
	return failed;
}
