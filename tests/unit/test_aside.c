/* Removed is the known file and no other, whatever happens to its name meanwhile, and wherever a crash ended
 * it. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/aside.h"
#include "lib/base/io.h"

#define NONE "none"

static char path[64];
static int dir;

static int
setup(void **state)
{
	(void) state;
	snprintf(path, sizeof(path), "/tmp/handback-aside-XXXXXX");
	if (mkdtemp(path) == NULL)
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

static int
remove_one(const char *name, const struct stat *st, int kind, struct FTW *where)
{
	(void) st, (void) kind, (void) where;
	return remove(name);
}

static int
teardown(void **state)
{
	(void) state;
	close(dir);
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct aside_known
drop(int at, const char *name, const char *text)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	return aside_known_of(&st);
}

static void
check_text(const char *name, const char *expected)
{
	char text[32] = NONE;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		ssize_t n = read(fd, text, sizeof(text) - 1);
		assert_true(n >= 0);
		text[n] = '\0';
		close(fd);
	}
	assert_string_equal(text, expected);
}

static int
entries(void)
{
	DIR *d = io_list(dir, ".");
	int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

/* What a crash leaves that comes after the file was moved aside. */
static void
leave(const struct aside_known *known, const char *name, char ours[NAME_MAX + 1])
{
	int fd;

	snprintf(ours, NAME_MAX + 1, ".handback-%016jx%016jx%016jx%08lx-0123abcd", (uintmax_t) known->inode,
	         (uintmax_t) known->size, (uintmax_t) known->modified.tv_sec,
	         (unsigned long) known->modified.tv_nsec);
	assert_int_equal(mkdirat(dir, ours, 0700), 0);
	fd = openat(dir, ours, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(renameat(dir, name, fd, name), 0);
	close(fd);
	assert_true(aside_is_ours(dir, ours));
}

static void
test_removes_the_known_file(void **state)
{
	struct aside_known known = drop(dir, "a", "one");

	(void) state;
	assert_int_equal(aside_remove(dir, "a", &known), 0);
	assert_int_equal(entries(), 0);
	assert_int_equal(aside_remove(dir, "a", &known), 0);
	assert_int_equal(entries(), 0);
}

static void
test_keeps_any_other(void **state)
{
	struct aside_known known = drop(dir, "old", "one");

	(void) state;
	drop(dir, "a", "two");
	assert_int_equal(aside_remove(dir, "a", &known), 0);
	check_text("a", "two");
	assert_int_equal(symlinkat("a", dir, "link"), 0);
	assert_int_equal(aside_remove(dir, "link", &known), 0);
	assert_int_equal(mkdirat(dir, "folder", 0700), 0);
	assert_int_equal(aside_remove(dir, "folder", &known), 0);
	assert_int_equal(entries(), 4);
}

static void
test_a_crash_before_the_move(void **state)
{
	char ours[NAME_MAX + 1], name[NAME_MAX + 1];
	struct aside_known known = drop(dir, "a", "one");

	(void) state;
	leave(&known, "a", ours);
	assert_int_equal(unlinkat(dir, ours, AT_REMOVEDIR), -1);
	assert_int_equal(aside_settle(dir, ours, name), 0); /* the file was the known one */
	assert_int_equal(entries(), 0);
	assert_int_equal(mkdirat(dir, ours, 0700), 0);
	assert_int_equal(aside_settle(dir, ours, name), 0); /* and here nothing had been moved */
	assert_int_equal(entries(), 0);
	assert_int_equal(aside_settle(dir, ours, name), 0);
}

static void
test_a_crash_with_another_file(void **state)
{
	char ours[NAME_MAX + 1], name[NAME_MAX + 1];
	struct aside_known known = drop(dir, "old", "one");

	(void) state;
	drop(dir, "a", "two");
	leave(&known, "a", ours);
	assert_int_equal(aside_settle(dir, ours, name), 1);
	assert_string_equal(name, "a");
	check_text("a", "two");
	assert_int_equal(entries(), 2);
}

/* One that took its name meanwhile is never replaced, and the file that is aside waits for it. */
static void
test_a_name_that_was_taken(void **state)
{
	char ours[NAME_MAX + 1], name[NAME_MAX + 1];
	struct aside_known known = drop(dir, "old", "one");

	(void) state;
	drop(dir, "a", "two");
	leave(&known, "a", ours);
	drop(dir, "a", "three");
	assert_int_equal(aside_settle(dir, ours, name), -1);
	assert_int_equal(errno, EEXIST);
	assert_string_equal(name, "a");
	check_text("a", "three");
	assert_int_equal(unlinkat(dir, "a", 0), 0);
	assert_int_equal(aside_settle(dir, ours, name), 1);
	check_text("a", "two");
}

/* Who writes to it through a descriptor that he has still has another file there. */
static void
test_written_to_while_it_is_aside(void **state)
{
	char ours[NAME_MAX + 1], name[NAME_MAX + 1];
	struct aside_known known = drop(dir, "a", "one");
	int fd = openat(dir, "a", O_WRONLY | O_APPEND | O_CLOEXEC);

	(void) state;
	leave(&known, "a", ours);
	assert_int_equal(io_write_all(fd, " more", 5), 0);
	close(fd);
	assert_int_equal(aside_settle(dir, ours, name), 1);
	check_text("a", "one more");
}

/* A partner's file or open directory by such a name is nothing of ours. */
static void
test_a_name_that_only_looks_like_ours(void **state)
{
	static const char *const looks =
	    ".handback-0000000000000000000000000000000000000000000000000000abcd-0123abcd";
	char name[NAME_MAX + 1];

	(void) state;
	drop(dir, looks, "text");
	assert_false(aside_is_ours(dir, looks));
	assert_int_equal(aside_settle(dir, looks, name), 0);
	check_text(looks, "text");
	assert_int_equal(unlinkat(dir, looks, 0), 0);
	assert_int_equal(mkdirat(dir, looks, 0777), 0);
	assert_int_equal(fchmodat(dir, looks, 0770, 0), 0);
	assert_false(aside_is_ours(dir, looks));
	assert_int_equal(aside_settle(dir, looks, name), 0);
	assert_int_equal(unlinkat(dir, looks, AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat(".", dir, looks), 0);
	assert_false(aside_is_ours(dir, looks));
	assert_int_equal(aside_settle(dir, looks, name), 0);
	assert_int_equal(mkdirat(dir, ".handback-", 0700), 0);
	assert_false(aside_is_ours(dir, ".handback-"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_removes_the_known_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_keeps_any_other, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_crash_before_the_move, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_crash_with_another_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_name_that_was_taken, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_written_to_while_it_is_aside, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_name_that_only_looks_like_ours, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
