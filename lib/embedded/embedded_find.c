/* Where this machine has its PostgreSQL programs. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/spawn.h"
#include "lib/embedded/embedded.h"

#define OLDEST_MAJOR 13

/* The first line that a program prints; false when it does not run or fails. */
static bool
first_line(const char *const *argv, char *buf, size_t size)
{
	static const char *const env[] = {"LC_ALL=C", "PATH=/usr/bin:/bin", NULL};
	char *text = NULL;
	size_t len = 0;
	int pipe_fds[2], status = -1;
	struct spawn_fd out = {.to = 1};
	struct spawn s = {.path = argv[0], .argv = argv, .env = env, .fds = &out, .fd_count = 1};
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return false;
	out.from = pipe_fds[1];
	pid = spawn(&s);
	close(pipe_fds[1]);
	if (pid > 0) {
		if (io_read_all(pipe_fds[0], 4096, &text, &len) < 0)
			text = NULL;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(pipe_fds[0]);
	if (text != NULL)
		text[strcspn(text, "\n")] = '\0';
	bool fits = text != NULL && status == 0 && (size_t) snprintf(buf, size, "%s", text) < size;
	free(text);
	return fits;
}

/* The major version of the server in a directory; 0 when there is no whole installation. */
static int
major_of(const char *bin)
{
	char postgres[PATH_MAX], initdb[PATH_MAX], line[256];
	const char *const argv[] = {postgres, "--version", NULL};

	if (snprintf(postgres, sizeof(postgres), "%s/postgres", bin) >= (int) sizeof(postgres) ||
	    snprintf(initdb, sizeof(initdb), "%s/initdb", bin) >= (int) sizeof(initdb) ||
	    access(initdb, X_OK) < 0 || access(postgres, X_OK) < 0 || !first_line(argv, line, sizeof(line)))
		return 0;
	/* postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1) */
	const char *digits = line + strcspn(line, "0123456789");
	return (int) strtol(digits, NULL, 10);
}

struct best {
	int wanted; /* 0: any */
	int major;
	char *buf;
	size_t size;
};

static void
consider(struct best *b, const char *bin)
{
	int major = major_of(bin);

	if (major < OLDEST_MAJOR || major <= b->major || (b->wanted != 0 && major != b->wanted))
		return;
	if ((size_t) snprintf(b->buf, b->size, "%s", bin) < b->size)
		b->major = major;
}

bool
embedded_find_bin(int major, char *buf, size_t size)
{
	/* Debian, Red Hat's community packages, Alpine */
	static const char *const patterns[] = {"/usr/lib/postgresql/[0-9]*/bin", "/usr/pgsql-[0-9]*/bin",
	                                       "/usr/libexec/postgresql[0-9]*"};
	const char *const pg_config[] = {"/usr/bin/pg_config", "--bindir", NULL};
	struct best best = {.wanted = major, .buf = buf, .size = size};
	char bin[PATH_MAX];
	const char *path = getenv("PATH");

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		glob_t found;

		if (glob(patterns[i], 0, NULL, &found) == 0)
			for (size_t n = 0; n < found.gl_pathc; n++)
				consider(&best, found.gl_pathv[n]);
		globfree(&found);
	}
	if (best.major == 0 && first_line(pg_config, bin, sizeof(bin)))
		consider(&best, bin);
	while (best.major == 0 && path != NULL && *path != '\0') {
		size_t len = strcspn(path, ":");

		if (len > 0 && (size_t) snprintf(bin, sizeof(bin), "%.*s", (int) len, path) < sizeof(bin))
			consider(&best, bin);
		path += len + (path[len] == ':');
	}
	return best.major != 0;
}
