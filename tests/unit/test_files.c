/* base/io, base/channel, base/spawn, base/paths, against the real file system and real children. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/paths.h"
#include "lib/base/spawn.h"
#include "lib/protocol/channel.h"

static char place[] = "/tmp/handback-files-XXXXXX";
static int dir = -1;

static int
setup(void **state)
{
	(void) state;
	umask(077);
	return mkdtemp(place) == NULL || (dir = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0;
}

static int
teardown(void **state)
{
	const char *const argv[] = {"rm", "-rf", place, NULL};
	const struct spawn rm = {.path = "/bin/rm", .argv = argv};
	pid_t pid = spawn(&rm);

	(void) state;
	close(dir);
	return waitpid(pid, NULL, 0) != pid;
}

static void
make_dirs_with_modes(void **state)
{
	struct stat st;
	int fd = io_make_dirs(dir, "a//b/c/", 02750);

	(void) state;
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02750);
	close(fd);
	assert_int_equal(fstatat(dir, "a/b", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 02750);
	/* the group of the directory above goes down, where the umask lets the mode be */
	mode_t mask = umask(007);
	fd = io_make_dirs(dir, "a/b/inherits", 0770);
	umask(mask);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02770);
	close(fd);
	/* what is there keeps its mode */
	fd = io_make_dirs(dir, "a/b", 0700);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02750);
	close(fd);
	assert_int_equal(io_put_file(dir, "plain", 0400, "x", 1), 0);
	assert_int_equal(io_make_dirs(dir, "plain/under", 0700), -1);
	assert_int_equal(errno, ENOTDIR);
}

/* Where a service's user may put names, root follows none of its links. */
static void
follows_only_links_that_are_its_own(void **state)
{
	const bool root = geteuid() == 0;
	struct stat st;
	int theirs, fd;

	(void) state;
	close(io_make_dirs(dir, "kept", 0711));
	assert_int_equal(symlinkat("kept", dir, "ours"), 0);
	assert_int_equal(symlinkat("ours/../ours/deep", dir, "further"), 0);
	fd = io_make_dirs(dir, "further/er", 0700); /* root's own links, as an operator makes them */
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fstatat(dir, "kept/deep/er", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(symlinkat("round", dir, "round"), 0);
	assert_int_equal(io_make_dirs(dir, "round", 0700), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(io_open_dir(dir, "kept/none"), -1);
	assert_int_equal(errno, ENOENT);
	if (!root)
		return;
	theirs = io_make_dirs(dir, "linking", 0755);
	assert_int_equal(fchown(theirs, 65534, 65534), 0);
	assert_int_equal(symlinkat("../kept", theirs, "trap"), 0); /* whoever put it there */
	assert_int_equal(io_make_dirs(theirs, "trap", 0700), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(io_make_dirs(theirs, "trap/below", 0700), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(io_open_dir(theirs, "trap"), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(fstatat(dir, "kept/below", &st, AT_SYMLINK_NOFOLLOW), -1);
	/* a directory of root's that everybody may write to, as /tmp is: a link of theirs is not root's */
	fd = io_make_dirs(dir, "shared", 01777);
	assert_int_equal(symlinkat("../kept", fd, "trap"), 0);
	assert_int_equal(fchownat(fd, "trap", 65534, 65534, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(io_make_dirs(fd, "trap", 0700), -1);
	assert_int_equal(errno, ELOOP);
	close(fd);
	assert_int_equal(fstatat(dir, "kept", &st, 0), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	close(theirs);
}

/* mkdirat(), and right behind it a service's user who puts what root keeps in the place of what root made. */
static int exchange_in = -1;

int __real_mkdirat(int at, const char *name, mode_t mode);
int __wrap_mkdirat(int at, const char *name, mode_t mode);

int
__wrap_mkdirat(int at, const char *name, mode_t mode)
{
	int rc = __real_mkdirat(at, name, mode);

	if (rc == 0 && exchange_in >= 0) {
		unlinkat(exchange_in, name, AT_REMOVEDIR);
		renameat(exchange_in, "roots", exchange_in, name);
	}
	return rc;
}

static void
changes_no_owner_of_what_it_did_not_make(void **state)
{
	struct stat st;
	int own, kept;

	(void) state;
	if (geteuid() != 0)
		return;
	own = io_make_dirs(dir, "raced", 0755);
	kept = io_make_dirs(own, "roots", 0711);
	assert_int_equal(io_put_file(kept, "secret", 0600, "x", 1), 0);
	assert_int_equal(fchown(own, 65534, 65534), 0);
	exchange_in = own;
	close(io_make_dirs(own, "new", 0700));
	exchange_in = -1;
	assert_int_equal(faccessat(own, "new/secret", F_OK, 0), 0); /* it was exchanged */
	assert_int_equal(fstat(kept, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	close(kept);
	close(own);
}

/* What root makes for a service belongs to the service; anybody else's is their own. */
static void
belongs_to_whom_the_directory_belongs(void **state)
{
	const uid_t service = geteuid() == 0 ? 65534 : geteuid();
	const gid_t group = geteuid() == 0 ? 65534 : getegid();
	struct stat st;
	int theirs;

	(void) state;
	theirs = io_make_dirs(dir, "theirs", 0755);
	assert_true(theirs >= 0);
	assert_int_equal(fchown(theirs, service, group), 0);
	assert_int_equal(io_put_file(theirs, "file", 0600, "x", 1), 0);
	assert_int_equal(fstatat(theirs, "file", &st, 0), 0);
	assert_int_equal(st.st_uid, service);
	assert_int_equal(st.st_gid, group);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(io_make_dirs(theirs, "below", 02750));
	assert_int_equal(fstatat(theirs, "below", &st, 0), 0);
	assert_int_equal(st.st_uid, service);
	assert_int_equal(st.st_mode & 07777, 02750);
	close(theirs);
}

static void
put_read_move(void **state)
{
	char *bytes = NULL;
	size_t len = 77;
	struct stat st;
	int file;

	(void) state;
	assert_int_equal(io_put_file(dir, "one", 0640, "12345", 5), 0);
	assert_int_equal(fstatat(dir, "one", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(io_put_file(dir, "one", 0640, "other", 5), -1);
	assert_int_equal(errno, EEXIST);

	assert_int_equal(io_read_file(dir, "one", 4, &bytes, &len), -1);
	assert_int_equal(errno, EFBIG);
	assert_null(bytes);
	assert_int_equal(len, 77);
	assert_int_equal(io_read_file(dir, "one", 5, &bytes, &len), 0);
	assert_int_equal(len, 5);
	assert_string_equal(bytes, "12345");
	free(bytes);

	file = openat(dir, "one", O_RDONLY | O_CLOEXEC);
	assert_int_equal(io_put_file(dir, "taken", 0600, "", 0), 0);
	assert_int_equal(io_move_durably(file, dir, "one", dir, "taken"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(io_move_durably(file, dir, "one", dir, "two"), 0);
	assert_int_equal(faccessat(dir, "one", F_OK, 0), -1);
	assert_int_equal(faccessat(dir, "two", F_OK, 0), 0);
	close(file);
}

static void
a_fifo_never_blocks(void **state)
{
	char *bytes = NULL;
	size_t len;

	(void) state;
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	assert_int_equal(io_read_file(dir, "fifo", 5, &bytes, &len), -1);
	assert_int_equal(errno, ENOTSUP);
}

static void
larger_than_a_buffer(void **state)
{
	size_t size = 300000, len;
	char *big = malloc(size), *back;

	(void) state;
	for (size_t i = 0; i < size; i++)
		big[i] = (char) (i % 251);
	assert_int_equal(io_put_file(dir, "big", 0600, big, size), 0);
	assert_int_equal(io_read_file(dir, "big", size, &back, &len), 0);
	assert_int_equal(len, size);
	assert_memory_equal(big, back, size);
	free(back);
	assert_int_equal(io_read_file(dir, "big", size - 1, &back, &len), -1);
	free(big);
}

static void
packets_carry_descriptors(void **state)
{
	int ends[2], passed = 77;
	char buf[16];
	size_t len;
	struct stat a, b;

	(void) state;
	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(channel_send(ends[0], "hello", 5, dir), 0);
	assert_int_equal(channel_receive(ends[1], buf, sizeof(buf), &len, &passed), 1);
	assert_string_equal(buf, "hello");
	assert_int_equal(fstat(dir, &a) | fstat(passed, &b), 0);
	assert_true(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	assert_true(fcntl(passed, F_GETFD) & FD_CLOEXEC);
	close(passed);

	channel_send(ends[0], "x", 1, -1);
	assert_int_equal(channel_receive(ends[1], buf, sizeof(buf), &len, &passed), 1);
	assert_int_equal(passed, -1);
	/* too long, a NUL inside, a descriptor that nobody wants: refused, and the next packet is whole */
	channel_send(ends[0], "0123456789abcdef", 16, -1);
	assert_int_equal(channel_receive(ends[1], buf, sizeof(buf), &len, &passed), -1);
	assert_int_equal(errno, EMSGSIZE);
	channel_send(ends[0], "a\0b", 3, -1);
	assert_int_equal(channel_receive(ends[1], buf, sizeof(buf), &len, &passed), -1);
	assert_int_equal(errno, EBADMSG);
	channel_send(ends[0], "x", 1, dir);
	assert_int_equal(channel_receive(ends[1], buf, sizeof(buf), &len, NULL), -1);
	assert_int_equal(errno, EBADMSG);
	channel_send(ends[0], "last", 4, -1);
	assert_int_equal(channel_receive(ends[1], buf, sizeof(buf), &len, NULL), 1);
	close(ends[0]);
	assert_int_equal(channel_receive(ends[1], buf, sizeof(buf), &len, NULL), 0);
	assert_int_equal(channel_send(ends[1], "x", 1, -1), -1);
	assert_int_equal(errno, EPIPE);
	close(ends[1]);
}

/* Runs a shell line with descriptor 5 a pipe to us and what it wrote there in out[size]. */
static int
run_shell(const char *line, char *out, size_t size)
{
	const char *const argv[] = {"sh", "-c", line, NULL};
	const char *const env[] = {"PATH=/usr/bin:/bin", "ONLY=this", NULL};
	int ends[2], status;
	const struct spawn_fd fds[] = {{-1, 5}};
	struct spawn_fd copy = fds[0];
	struct spawn s = {.path = "/bin/sh", .argv = argv, .env = env, .fds = &copy, .fd_count = 1};
	ssize_t n, len = 0;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	copy.from = ends[1];
	pid = spawn(&s);
	assert_true(pid > 0);
	close(ends[1]);
	while ((n = read(ends[0], out + len, size - 1 - (size_t) len)) > 0)
		len += n;
	out[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
a_child_has_what_it_is_given(void **state)
{
	char out[4096];
	int stray = open("/dev/null", O_RDONLY); /* not O_CLOEXEC */

	(void) state;
	signal(SIGUSR1, SIG_IGN);
	/* 3 is the directory that ls has open */
	assert_int_equal(run_shell("exec ls /proc/self/fd >&5", out, sizeof(out)), 0);
	assert_string_equal(out, "0\n1\n2\n3\n5\n");
	/* PWD and the like are the shell's own */
	assert_int_equal(run_shell("tr '\\0' '\\n' </proc/$$/environ >&5", out, sizeof(out)), 0);
	assert_string_equal(out, "PATH=/usr/bin:/bin\nONLY=this\n");
	assert_int_equal(
	    run_shell("grep -E 'SigBlk|SigIgn' /proc/self/status >&5; ulimit -c >&5; pwd >&5", out, sizeof(out)),
	    0);
	assert_string_equal(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0\n/\n");
	signal(SIGUSR1, SIG_DFL);
	close(stray);
}

static void
exec_that_fails_is_told(void **state)
{
	const char *const argv[] = {"none", NULL};
	const struct spawn s = {.path = "/nonexistent/none", .argv = argv};

	(void) state;
	assert_int_equal(spawn(&s), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void
a_child_dies_with_its_parent(void **state)
{
	const char *const argv[] = {"sleep", "60", NULL};
	int ends[2];
	char c;
	pid_t middle;

	(void) state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	middle = fork();
	if (middle == 0) {
		/* the grandchild holds the pipe's only other end: end of file says that it is gone */
		const struct spawn_fd fds[] = {{ends[1], 4}};
		const struct spawn s = {.path = "/bin/sleep", .argv = argv, .fds = fds, .fd_count = 1};

		if (spawn(&s) > 0)
			raise(SIGKILL);
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 0);
	assert_int_equal(waitpid(middle, NULL, 0), middle);
	close(ends[0]);
}

static void
another_user_without_groups(void **state)
{
	const char *const argv[] = {
	    "sh", "-c", "grep -E '^(Uid|Gid|Groups):' /proc/self/status | tr -s '\\t ' ' ' >&4", NULL};
	struct spawn_fd fd = {-1, 4};
	const struct spawn s = {
	    .path = "/bin/sh", .argv = argv, .fds = &fd, .fd_count = 1, .uid = 65534, .gid = 65534};
	char out[256];
	int ends[2];
	ssize_t n, len = 0;
	pid_t pid;

	(void) state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fd.from = ends[1];
	pid = spawn(&s);
	assert_true(pid > 0);
	close(ends[1]);
	while ((n = read(ends[0], out + len, sizeof(out) - 1 - (size_t) len)) > 0)
		len += n;
	out[len] = '\0';
	close(ends[0]);
	waitpid(pid, NULL, 0);
	assert_string_equal(out, "Uid: 65534 65534 65534 65534\nGid: 65534 65534 65534 65534\nGroups: \n");
}

static void
programs_are_found_by_one_rule(void **state)
{
	char path[4096], mine[4096];

	(void) state;
	assert_false(paths_program(path, sizeof(path), "sh"));
	assert_int_equal(errno, EINVAL);
	setenv("HANDBACK_LIBEXEC", place, 1);
	assert_int_equal(io_put_file(dir, "handback-parse", 0755, "#!/bin/sh\n", 10), 0);
	assert_true(paths_program(path, sizeof(path), "handback-parse"));
	snprintf(mine, sizeof(mine), "%s/handback-parse", place);
	assert_string_equal(path, mine);
	assert_false(paths_program(path, 8, "handback-parse"));
	assert_int_equal(errno, ENAMETOOLONG);
	unsetenv("HANDBACK_LIBEXEC");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(make_dirs_with_modes),
	    cmocka_unit_test(follows_only_links_that_are_its_own),
	    cmocka_unit_test(changes_no_owner_of_what_it_did_not_make),
	    cmocka_unit_test(belongs_to_whom_the_directory_belongs),
	    cmocka_unit_test(put_read_move),
	    cmocka_unit_test(a_fifo_never_blocks),
	    cmocka_unit_test(larger_than_a_buffer),
	    cmocka_unit_test(packets_carry_descriptors),
	    cmocka_unit_test(a_child_has_what_it_is_given),
	    cmocka_unit_test(exec_that_fails_is_told),
	    cmocka_unit_test(a_child_dies_with_its_parent),
	    cmocka_unit_test(another_user_without_groups),
	    cmocka_unit_test(programs_are_found_by_one_rule),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
