/* The private PostgreSQL: made, found, stopped, and gone with its parent.  Skipped where there is none
 * installed. */
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "lib/embedded/embedded.h"

static char top[64];

static struct embedded *
must_open(const char *dir)
{
	char why[512] = "";
	struct embedded *e = embedded_open(dir, "postgres", 60000, why, sizeof(why));

	if (e == NULL)
		print_error("%s\n", why);
	assert_non_null(e);
	return e;
}

static void
test_made_found_stopped(void **state)
{
	(void) state;
	char host[EMBEDDED_SOCKET_BYTES];
	struct stat st;
	struct embedded *e = must_open(top);
	struct embedded *second = must_open(top);

	assert_true(embedded_pid(e) > 0);
	assert_true(embedded_answers(e));
	assert_int_equal(embedded_pid(second), 0); /* it was there */
	assert_true(embedded_host_of(top, host, sizeof(host)));
	assert_string_equal(embedded_host(e), host);
	assert_int_equal(stat(host, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);

	embedded_close(second, 1000); /* not its to stop */
	assert_true(embedded_answers(e));
	kill(embedded_pid(e), SIGKILL); /* a crash: the children of the server need a moment */
	assert_int_equal(waitpid(embedded_pid(e), NULL, 0), embedded_pid(e));
	assert_true(embedded_reaped(e, embedded_pid(e)));
	embedded_close(e, 1000);

	e = must_open(top);
	assert_true(embedded_answers(e));
	assert_int_equal(embedded_start(e), -1); /* it runs */
	embedded_close(e, 5000);
	second = must_open(top); /* for the host alone */
	assert_true(embedded_pid(second) > 0);
	embedded_close(second, 5000);
}

/* A directory that belongs to the server's user, as initdb leaves it. */
static void
make_dir(const char *path)
{
	const struct passwd *pw = geteuid() == 0 ? getpwnam("postgres") : NULL;

	assert_int_equal(mkdir(path, 0700), 0);
	if (pw != NULL)
		assert_int_equal(chown(path, pw->pw_uid, pw->pw_gid), 0);
}

static void
test_interrupted_initdb(void **state)
{
	(void) state;
	char path[128];

	snprintf(path, sizeof(path), "%s/again", top);
	make_dir(path);
	snprintf(path, sizeof(path), "%s/again/new", top);
	make_dir(path);
	snprintf(path, sizeof(path), "%s/again/new/base", top);
	make_dir(path);
	snprintf(path, sizeof(path), "%s/again", top);
	embedded_close(must_open(path), 5000);
	snprintf(path, sizeof(path), "%s/again/new", top);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_dies_with_parent(void **state)
{
	(void) state;
	int fds[2];
	struct embedded *e;
	char c;

	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		char why[512];

		e = embedded_open(top, "postgres", 60000, why, sizeof(why));
		if (e == NULL || write(fds[1], "r", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	/* opening waits for the old one to go, and starts its own */
	e = must_open(top);
	for (int i = 0; embedded_pid(e) == 0 && embedded_answers(e) && i < 500; i++)
		usleep(10000);
	if (embedded_pid(e) == 0) { /* the old one answered once more while it was ending */
		embedded_close(e, 5000);
		e = must_open(top);
	}
	assert_true(embedded_pid(e) > 0);
	embedded_close(e, 5000);
	close(fds[0]);
}

/* A link that the service's user put where the cluster should lie, and directories that are somebody's
 * already. */
static void
test_gives_nothing_away(void **state)
{
	char path[160], kept[160], trap[160], why[512] = "";
	struct stat st;

	(void) state;
	if (geteuid() != 0)
		return;
	snprintf(path, sizeof(path), "%s/state", top);
	make_dir(path);
	snprintf(kept, sizeof(kept), "%s/kept", top);
	assert_int_equal(mkdir(kept, 0711), 0);
	snprintf(trap, sizeof(trap), "%s/state/postgres", top);
	assert_int_equal(symlink(kept, trap), 0);
	assert_null(embedded_open(trap, "postgres", 1000, why, sizeof(why)));
	assert_non_null(strstr(why, "a link that another user put there"));
	/* by its own name: it holds something, so nobody else becomes its owner */
	snprintf(path, sizeof(path), "%s/kept/file", top);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_null(embedded_open(kept, "postgres", 1000, why, sizeof(why)));
	assert_non_null(strstr(why, "belongs to uid 0"));
	assert_int_equal(stat(kept, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	/* nor is a cluster's own part a way out */
	snprintf(path, sizeof(path), "%s/own", top);
	make_dir(path);
	snprintf(trap, sizeof(trap), "%s/own/socket", top);
	assert_int_equal(symlink(kept, trap), 0);
	assert_null(embedded_open(path, "postgres", 1000, why, sizeof(why)));
	assert_int_equal(stat(kept, &st), 0);
	assert_int_equal(st.st_uid, 0);
}

static void
test_says_why(void **state)
{
	(void) state;
	char why[512] = "", dir[200];

	memset(dir, 0, sizeof(dir));
	snprintf(dir, sizeof(dir), "%s/", top);
	memset(dir + strlen(dir), 'x', 110);
	assert_null(embedded_open(dir, "postgres", 1000, why, sizeof(why)));
	assert_non_null(strstr(why, "under 108 bytes"));
	if (geteuid() == 0) {
		assert_null(embedded_open(top, "nobody-of-that-name", 1000, why, sizeof(why)));
		assert_non_null(strstr(why, "database.user"));
		assert_null(embedded_open(top, "root", 1000, why, sizeof(why)));
		assert_non_null(strstr(why, "does not run as root"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_made_found_stopped), cmocka_unit_test(test_interrupted_initdb),
	    cmocka_unit_test(test_dies_with_parent),   cmocka_unit_test(test_gives_nothing_away),
	    cmocka_unit_test(test_says_why),
	};
	char bin[4096], command[128];

	if (!embedded_find_bin(0, bin, sizeof(bin))) {
		printf("1..0 # SKIP no PostgreSQL server is installed\n");
		return 0;
	}
	snprintf(top, sizeof(top), "%s", "/tmp/handback-embedded-XXXXXX");
	if (mkdtemp(top) == NULL)
		return 1;
	chmod(top, 0755);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	if (system(command) != 0)
		return 1;
	return failed;
}
