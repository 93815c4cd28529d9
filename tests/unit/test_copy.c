/* Taking a partner's file: whole and unchanged, or not at all; and what a crash leaves behind. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/spool/copy.h"

struct place {
	char path[64];
	int inbound;
	struct spool spool;
};

static char why[LIMIT_MESSAGE_BYTES];

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void) st, (void) kind, (void) where;
	return remove(path);
}

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	char spool[80];

	snprintf(p->path, sizeof(p->path), "/tmp/handback-copy-XXXXXX");
	if (mkdtemp(p->path) == NULL)
		return -1;
	p->inbound = io_make_dirs(AT_FDCWD, p->path, 0700);
	snprintf(spool, sizeof(spool), "%s/spool", p->path);
	*state = p;
	return p->inbound < 0 ? -1 : spool_open(spool, &p->spool);
}

static int
teardown(void **state)
{
	struct place *p = *state;

	spool_close(&p->spool);
	close(p->inbound);
	nftw(p->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(p);
	return 0;
}

/* A file of the partner's; its descriptor is closed. */
static void
drop(const struct place *p, const char *name, const char *text)
{
	int fd = openat(p->inbound, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static int
work_files(const struct place *p)
{
	DIR *d = fdopendir(openat(p->spool.work, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static enum copy_end
take(const struct place *p, const char *name, struct copy *ret)
{
	why[0] = '\0';
	return copy_take(&p->spool, p->inbound, name, 1000, ret, why);
}

static void
test_whole(void **state)
{
	struct place *p = *state;
	struct copy c;
	char buf[16] = "";
	uint8_t expected[SHA256_BYTES];
	int fd;

	drop(p, "a.csv", "hello");
	assert_int_equal(take(p, "a.csv", &c), COPY_DONE);
	assert_int_equal(c.bytes, 5);
	sha256_of("hello", 5, expected);
	assert_memory_equal(c.sha256, expected, sizeof(expected));
	assert_int_equal(copy_sync(&c), 0);
	fd = copy_reopen(&p->spool, &c);
	assert_int_equal(read(fd, buf, sizeof(buf)), 5);
	assert_string_equal(buf, "hello");
	assert_int_equal(write(fd, "x", 1), -1);
	close(fd);
	assert_int_equal(copy_remove_source(p->inbound, "a.csv", &c), 0);
	assert_int_equal(faccessat(p->inbound, "a.csv", F_OK, 0), -1);
	assert_int_equal(copy_remove_source(p->inbound, "a.csv", &c), 0);
	assert_int_equal(work_files(p), 1);
	copy_drop(&p->spool, &c);
	copy_drop(&p->spool, &c);
	assert_int_equal(work_files(p), 0);
}

static void
test_size_limit(void **state)
{
	struct place *p = *state;
	struct copy c;
	char text[1002];

	memset(text, 'x', sizeof(text));
	text[1000] = '\0';
	drop(p, "n", text);
	assert_int_equal(take(p, "n", &c), COPY_DONE);
	copy_drop(&p->spool, &c);
	text[1000] = 'x';
	text[1001] = '\0';
	drop(p, "n", text);
	assert_int_equal(take(p, "n", &c), COPY_FAILED);
	assert_non_null(strstr(why, "file_bytes"));
	drop(p, "empty", "");
	assert_int_equal(take(p, "empty", &c), COPY_DONE);
	assert_int_equal(c.bytes, 0);
	copy_drop(&p->spool, &c);
}

static void
test_not_a_file(void **state)
{
	struct place *p = *state;
	struct copy c;

	drop(p, "secret", "secret");
	assert_int_equal(symlinkat("secret", p->inbound, "link"), 0);
	assert_int_equal(take(p, "link", &c), COPY_FAILED);
	assert_non_null(strstr(why, "symbolic link"));
	assert_int_equal(symlinkat("nowhere", p->inbound, "dangling"), 0);
	assert_int_equal(take(p, "dangling", &c), COPY_FAILED);
	assert_int_equal(mkdirat(p->inbound, "dir.csv", 0700), 0);
	assert_int_equal(take(p, "dir.csv", &c), COPY_FAILED);
	assert_int_equal(mkfifoat(p->inbound, "fifo", 0600), 0);
	assert_int_equal(take(p, "fifo", &c), COPY_FAILED);
	assert_int_equal(linkat(p->inbound, "secret", p->inbound, "second", 0), 0);
	assert_int_equal(take(p, "second", &c), COPY_FAILED);
	assert_non_null(strstr(why, "more than one name"));
	assert_int_equal(take(p, "absent", &c), COPY_GONE);
	assert_int_equal(take(p, "../secret", &c), COPY_FAILED);
	assert_int_equal(take(p, "..", &c), COPY_FAILED);
	assert_int_equal(take(p, "", &c), COPY_FAILED);
	assert_int_equal(work_files(p), 0);
}

static void
test_open_writer(void **state)
{
	struct place *p = *state;
	struct copy c;
	void *map;
	int fd;

	drop(p, "w", "text");
	fd = openat(p->inbound, "w", O_RDWR | O_CLOEXEC);
	assert_int_equal(take(p, "w", &c), COPY_BUSY);
	map = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	assert_int_equal(take(p, "w", &c), COPY_BUSY);
	munmap(map, 4);
	assert_int_equal(take(p, "w", &c), COPY_DONE);
	copy_drop(&p->spool, &c);
}

/* Removed is only what was read: not what came under its name meanwhile, nor the same file with other
 * content. */
static void
test_source_replaced(void **state)
{
	struct place *p = *state;
	struct copy c;

	drop(p, "r", "one");
	assert_int_equal(take(p, "r", &c), COPY_DONE);
	drop(p, "r.new", "two");
	assert_int_equal(renameat(p->inbound, "r.new", p->inbound, "r"), 0);
	assert_int_equal(copy_remove_source(p->inbound, "r", &c), 0);
	assert_int_equal(faccessat(p->inbound, "r", F_OK, 0), 0);
	copy_drop(&p->spool, &c);

	assert_int_equal(take(p, "r", &c), COPY_DONE);
	drop(p, "r", "longer");
	assert_int_equal(copy_remove_source(p->inbound, "r", &c), 0);
	assert_int_equal(faccessat(p->inbound, "r", F_OK, 0), 0);
	copy_drop(&p->spool, &c);
}

/* The time of the last change is the partner's to set: the same time and inode, and other content, is another
 * file. */
static void
test_dated_back(void **state)
{
	struct place *p = *state;
	struct timespec times[2];
	struct copy c;

	drop(p, "d", "one");
	assert_int_equal(take(p, "d", &c), COPY_DONE);
	drop(p, "d", "two");
	times[0] = times[1] = c.source.st_mtim;
	assert_int_equal(utimensat(p->inbound, "d", times, 0), 0);
	assert_int_equal(copy_remove_source(p->inbound, "d", &c), 0);
	assert_int_equal(faccessat(p->inbound, "d", F_OK, 0), 0);
	copy_drop(&p->spool, &c);
}

/* An orphan is found and hashed; a copy whose owner lives is left alone. */
static void
test_orphan(void **state)
{
	struct place *p = *state;
	struct copy mine, orphan;
	int left, found = 0;
	DIR *listing;

	drop(p, "a", "mine");
	assert_int_equal(take(p, "a", &mine), COPY_DONE);
	if (fork() == 0) {
		struct copy theirs;

		drop(p, "b", "theirs");
		_exit(take(p, "b", &theirs) == COPY_DONE ? 0 : 1);
	}
	wait(&left);
	assert_int_equal(left, 0);
	left = openat(p->spool.work, "0123.other", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(left);
	listing = fdopendir(openat(p->spool.work, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	while ((left = copy_next_orphan(&p->spool, listing, &orphan)) == 1) {
		uint8_t expected[SHA256_BYTES];

		sha256_of("theirs", 6, expected);
		assert_memory_equal(orphan.sha256, expected, sizeof(expected));
		assert_int_equal(orphan.bytes, 6);
		copy_drop(&p->spool, &orphan);
		found++;
	}
	closedir(listing);
	assert_int_equal(left, 0);
	assert_int_equal(found, 1);
	assert_int_equal(work_files(p), 2);
	copy_drop(&p->spool, &mine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_size_limit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_a_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_open_writer, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_source_replaced, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_dated_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_orphan, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
