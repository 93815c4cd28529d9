#include "lib/embedded/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/spawn.h"
#include "lib/embedded/embedded_ping.h"

#define LOG_BYTES (16 << 20) /* at a start a longer log starts over */

struct embedded {
	int dir; /* descriptor */
	char *path;
	char host[EMBEDDED_SOCKET_BYTES];
	char socket[EMBEDDED_SOCKET_BYTES + 16];
	char bin[PATH_MAX];
	const char *user; /* NULL: who we are */
	uid_t uid;        /* 0: who we are */
	gid_t gid;
	pid_t pid; /* of the server where it is our child */
};

/* What makes it private and durable stands on the command line, over postgresql.conf. */
static const char *const settings[] = {
    "listen_addresses=",
    "unix_socket_directories=../socket", /* below the data directory's parent, whatever that is called */
    "unix_socket_permissions=0700",
    "port=5432",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "handback.embedded=on", /* the first migration lets its roles log in */
    "logging_collector=off",
    "log_error_verbosity=terse", /* no DETAIL: it quotes values */
    "log_min_error_statement=panic",
};

/* Where an operator starts from; written once, at initdb. */
static const char tuning[] =
    "\n# handback: sizes for files of some million records; change them as you like\n"
    "shared_buffers = 256MB\n"
    "max_wal_size = 4GB\n"
    "checkpoint_timeout = 15min\n"
    "max_connections = 50\n"
    "log_min_messages = warning\n"
    "log_checkpoints = off\n";

__attribute__((format(printf, 3, 4))) static bool
say(char *why, size_t why_size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, why_size, format, ap);
	va_end(ap);
	return false;
}

bool
embedded_host_of(const char *dir, char *buf, size_t size)
{
	char socket[EMBEDDED_SOCKET_BYTES];

	return (size_t) snprintf(socket, sizeof(socket), "%s/socket/.s.PGSQL.5432", dir) < sizeof(socket) &&
	       (size_t) snprintf(buf, size, "%s/socket", dir) < size;
}

/* The directory is the server's user's: no second name there of a file that is not the cluster's. */
static bool
has_one_name(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

/* ---- programs ---- */

/* Starts a program of PostgreSQL as the cluster's user, its output into DIR/log; sets argv[0]. */
static pid_t
start_program(const struct embedded *e, const char *name, const char **argv, int in, int death_signal)
{
	static const char *const env[] = {"LC_ALL=C", "PATH=/usr/bin:/bin", NULL};
	char path[PATH_MAX];
	struct spawn_fd fds[3] = {{.to = 1}, {.to = 2}, {.from = in, .to = 0}};
	struct spawn s = {.path = path,
	                  .argv = argv,
	                  .env = env,
	                  .fds = fds,
	                  .fd_count = in >= 0 ? 3 : 2,
	                  .death_signal = death_signal,
	                  .uid = e->uid,
	                  .gid = e->gid};
	pid_t pid = -1;

	if (snprintf(path, sizeof(path), "%s/%s", e->bin, name) >= (int) sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	argv[0] = path; /* by which they find each other */
	int log =
	    openat(e->dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (log < 0)
		return -1;
	if (has_one_name(log) && (lseek(log, 0, SEEK_END) < LOG_BYTES || ftruncate(log, 0) == 0)) {
		fds[0].from = fds[1].from = log;
		pid = spawn(&s);
	}
	close(log);
	return pid;
}

/* Runs one to its end; in: its standard input, -1 for none. */
static bool
run_program(const struct embedded *e, const char *name, const char **argv, int in)
{
	int status = -1;
	pid_t pid = start_program(e, name, argv, in, SIGKILL);

	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0;
}

/* ---- a new cluster ---- */

static bool
append_tuning(const struct embedded *e)
{
	/* step by step: what is below belongs to the server's user, who may put links there */
	int cluster = openat(e->dir, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int fd =
	    cluster >= 0 ? openat(cluster, "postgresql.conf", O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW) : -1;
	bool done =
	    fd >= 0 && has_one_name(fd) && io_write_all(fd, tuning, sizeof(tuning) - 1) == 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	if (cluster >= 0)
		close(cluster);
	return done;
}

/* CREATE DATABASE by the single-user server, so that a server that answers has it. */
static bool
create_database(const struct embedded *e, const char *data)
{
	static const char sql[] = "CREATE DATABASE " EMBEDDED_DATABASE "\n";
	const char *argv[] = {"postgres", "--single", "-D", data, "postgres", NULL};
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return false;
	bool done = io_write_all(fds[1], sql, sizeof(sql) - 1) == 0;
	close(fds[1]);
	done = done && run_program(e, "postgres", argv, fds[0]);
	close(fds[0]);
	return done;
}

/* Under another name until it is whole: what a killed initdb left is removed and made again. */
static bool
make_cluster(const struct embedded *e, char *why, size_t why_size)
{
	char data[PATH_MAX];
	const char *initdb[] = {"initdb", "-D",          data, "-U", EMBEDDED_SUPERUSER, "-A", "trust", "-E",
	                        "UTF8",   "--no-locale", "-k", NULL};
	const char *rm[] = {"rm", "-rf", "--", data, NULL};
	struct embedded plain = *e;

	if (snprintf(data, sizeof(data), "%s/new", e->path) >= (int) sizeof(data))
		return say(why, why_size, "%s: the path is too long", e->path);
	snprintf(plain.bin, sizeof(plain.bin), "%s", "/bin");
	if (faccessat(e->dir, "new", F_OK, AT_SYMLINK_NOFOLLOW) == 0 && !run_program(&plain, "rm", rm, -1))
		return say(why, why_size, "%s: what an interrupted initdb left cannot be removed", data);
	if (!run_program(e, "initdb", initdb, -1))
		return say(why, why_size, "initdb as user %s failed; can that user reach %s?  See %s/log",
		           e->user != NULL ? e->user : "ourselves", e->path, e->path);
	if (!append_tuning(e) || !create_database(e, data) || renameat(e->dir, "new", e->dir, "data") < 0 ||
	    fsync(e->dir) < 0)
		return say(why, why_size, "the new cluster in %s cannot be completed: see %s/log", e->path, e->path);
	return true;
}

/* ---- the directory ---- */

static bool
find_user(struct embedded *e, const char *user, char *why, size_t why_size)
{
	if (geteuid() != 0)
		return true;
	const struct passwd *pw = getpwnam(user);
	if (pw == NULL)
		return say(why, why_size,
		           "PostgreSQL does not run as root, and there is no user %s: name another (database.user)",
		           user);
	if (pw->pw_uid == 0)
		return say(why, why_size, "PostgreSQL does not run as root: name another user (database.user)");
	e->uid = pw->pw_uid;
	e->gid = pw->pw_gid;
	e->user = user;
	return true;
}

/* Root's own and empty, where nobody but root has a say: just made, or left so by a start that was killed. */
static bool
may_be_given(int fd)
{
	int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool fine = parent >= 0 && io_only_ours_writes(parent) && io_is_empty(fd);

	if (parent >= 0)
		close(parent);
	return fine;
}

/* 0700 and the user's own; what is there already must be.  Nothing that holds something changes hands. */
static bool
own_directory(const struct embedded *e, int fd, const char *name, char *why, size_t why_size)
{
	uid_t wanted = e->uid != 0 ? e->uid : geteuid();
	struct stat st;

	if (fstat(fd, &st) < 0)
		return say(why, why_size, "%s: %s", name, strerror(errno));
	if (st.st_uid != wanted) {
		if (st.st_uid != 0 || !may_be_given(fd) || fchown(fd, e->uid, e->gid) < 0)
			return say(why, why_size, "%s belongs to uid %u; the cluster runs as uid %u", name,
			           (unsigned) st.st_uid, (unsigned) wanted);
	}
	if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
		return say(why, why_size, "%s: %s", name, strerror(errno));
	return true;
}

/* Where a directory lies, whatever was moved or linked meanwhile; NULL with errno. */
static char *
path_of(int fd)
{
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return realpath(link, NULL);
}

static bool
open_directory(struct embedded *e, char *why, size_t why_size)
{
	char socket[PATH_MAX], *whole;
	int fd;

	e->dir = io_make_dirs(AT_FDCWD, e->path, 0700);
	/* the programs are started in another directory */
	if (e->dir < 0 || (whole = path_of(e->dir)) == NULL)
		return say(why, why_size, "%s: %s", e->path,
		           errno == ELOOP ? "a link that another user put there" : strerror(errno));
	free(e->path);
	e->path = whole;
	if (!embedded_host_of(e->path, e->host, sizeof(e->host)))
		return say(why, why_size, "%s is too long: a socket's path below it has to be under %d bytes",
		           e->path, EMBEDDED_SOCKET_BYTES);
	snprintf(e->socket, sizeof(e->socket), "%s/.s.PGSQL.5432", e->host);
	if (!own_directory(e, e->dir, e->path, why, why_size))
		return false;
	/* made by root it belongs to whom the directory belongs */
	fd = io_make_dirs(e->dir, "socket", 0700);
	snprintf(socket, sizeof(socket), "%s/socket", e->path);
	bool done = fd >= 0 ? own_directory(e, fd, socket, why, why_size)
	                    : say(why, why_size, "%s: %s", socket, strerror(errno));
	if (fd >= 0)
		close(fd);
	return done;
}

/* The programs that fit the cluster that is there, or the newest. */
static bool
choose_programs(struct embedded *e, char *why, size_t why_size)
{
	char *version = NULL;
	size_t len;
	int major = 0;

	/* not through a link of the server's user: root may be reading */
	int data = openat(e->dir, "data", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc = data >= 0 ? io_read_own_file(data, "PG_VERSION", 64, &version, &len) : -1;
	int saved = errno;
	if (data >= 0)
		close(data);
	errno = saved;
	if (rc == 0)
		major = (int) strtol(version, NULL, 10);
	else if (errno != ENOENT)
		return say(why, why_size, "%s/data/PG_VERSION: %s", e->path, strerror(errno));
	free(version);
	if (embedded_find_bin(major, e->bin, sizeof(e->bin)))
		return true;
	if (major != 0)
		return say(why, why_size, "%s is a cluster of PostgreSQL %d, which is not installed here", e->path,
		           major);
	return say(why, why_size, "no PostgreSQL server (13 or later) is installed here: initdb was not found");
}

/* ---- the server ---- */

int
embedded_start(struct embedded *e)
{
	const char *argv[4 + 2 * sizeof(settings) / sizeof(settings[0])] = {"postgres", "-D"};
	char data[PATH_MAX];
	size_t n = 3;

	if (e->pid != 0) {
		errno = EALREADY;
		return -1;
	}
	if (snprintf(data, sizeof(data), "%s/data", e->path) >= (int) sizeof(data)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	argv[2] = data;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		argv[n++] = "-c";
		argv[n++] = settings[i];
	}
	argv[n] = NULL;
	/* SIGINT: a fast shutdown, when we die as when we say so */
	pid_t pid = start_program(e, "postgres", argv, -1, SIGINT);
	if (pid < 0)
		return -1;
	e->pid = pid;
	return 0;
}

bool
embedded_answers(const struct embedded *e)
{
	return embedded_ping(e->socket);
}

static void
pause_ms(int ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

/* Ours ended: true, and it is reaped. */
static bool
ended(struct embedded *e)
{
	pid_t pid = e->pid != 0 ? waitpid(e->pid, NULL, WNOHANG) : -1;

	if (pid == 0 || (pid < 0 && errno == EINTR))
		return false;
	e->pid = 0;
	return true;
}

static bool
wait_for_answer(struct embedded *e, int wait_ms, char *why, size_t why_size)
{
	int ends = 0;

	for (int waited = 0; waited <= wait_ms; waited += 20) {
		if (embedded_answers(e))
			return true;
		if (e->pid == 0 || ended(e)) {
			/* a server that another process left, and that is not gone yet, keeps its file */
			bool rival = faccessat(e->dir, "data/postmaster.pid", F_OK, AT_SYMLINK_NOFOLLOW) == 0;

			/* ours may have stumbled over that file just before it went: once is no proof */
			if (!rival && ++ends > 1)
				return say(why, why_size, "PostgreSQL ended at once: see %s/log", e->path);
			if ((!rival || waited % 200 == 0) && embedded_start(e) < 0)
				return say(why, why_size, "%s/postgres: %s", e->bin, strerror(errno));
		}
		pause_ms(20);
	}
	return say(why, why_size, "PostgreSQL does not answer after %d s: see %s/log", wait_ms / 1000, e->path);
}

static bool
open_cluster(struct embedded *e, const char *user, int wait_ms, char *why, size_t why_size)
{
	if (!find_user(e, user, why, why_size) || !open_directory(e, why, why_size))
		return false;
	/* one at a time makes or starts it; the others find it running */
	int lock = openat(e->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) < 0) {
		say(why, why_size, "%s/lock: %s", e->path, strerror(errno));
		if (lock >= 0)
			close(lock);
		return false;
	}
	bool done = embedded_answers(e);
	if (!done && choose_programs(e, why, why_size) &&
	    (faccessat(e->dir, "data", F_OK, AT_SYMLINK_NOFOLLOW) == 0 || make_cluster(e, why, why_size))) {
		if (embedded_start(e) < 0)
			say(why, why_size, "%s/postgres: %s", e->bin, strerror(errno));
		else
			done = wait_for_answer(e, wait_ms, why, why_size);
	}
	close(lock);
	return done;
}

struct embedded *
embedded_open(const char *dir, const char *user, int wait_ms, char *why, size_t why_size)
{
	struct embedded *e = calloc(1, sizeof(*e));

	if (e == NULL || (e->path = strdup(dir)) == NULL) {
		say(why, why_size, "%s", strerror(ENOMEM));
		free(e);
		return NULL;
	}
	e->dir = -1;
	if (open_cluster(e, user, wait_ms, why, why_size))
		return e;
	embedded_close(e, 5000);
	return NULL;
}

void
embedded_close(struct embedded *e, int stop_ms)
{
	if (e == NULL)
		return;
	if (e->pid != 0)
		kill(e->pid, SIGINT);
	for (int waited = 0; e->pid != 0 && !ended(e); waited += 10) {
		if (waited == stop_ms / 10 * 10)
			kill(e->pid, SIGQUIT);
		pause_ms(10);
	}
	if (e->dir >= 0)
		close(e->dir);
	free(e->path);
	free(e);
}

const char *
embedded_host(const struct embedded *e)
{
	return e->host;
}

pid_t
embedded_pid(const struct embedded *e)
{
	return e->pid;
}

bool
embedded_reaped(struct embedded *e, pid_t pid)
{
	if (pid <= 0 || pid != e->pid)
		return false;
	e->pid = 0;
	return true;
}
