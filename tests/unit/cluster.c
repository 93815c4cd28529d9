#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "cluster.h"
#include "lib/embedded/embedded.h"

static char top[64], wire_dir[96];
static struct embedded *embedded;

/* In memory where that has room: what becomes durable is no subject of these tests. */
static const char *
scratch(void)
{
	struct statvfs vfs;

	return statvfs("/dev/shm", &vfs) == 0 && vfs.f_bavail > (4ULL << 30) / vfs.f_frsize ? "/dev/shm" : "/tmp";
}

bool
cluster_start(void)
{
	char bin[4096], why[512] = "";

	if (!embedded_find_bin(0, bin, sizeof(bin))) {
		printf("1..0 # SKIP no PostgreSQL server is installed\n");
		return false;
	}
	snprintf(top, sizeof(top), "%s/handback-unit-XXXXXX", scratch());
	if (mkdtemp(top) == NULL || chmod(top, 0755) < 0)
		abort();
	embedded = embedded_open(top, "postgres", 60000, why, sizeof(why));
	if (embedded == NULL) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	return true;
}

void
cluster_stop(void)
{
	char command[128];

	embedded_close(embedded, 5000);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	if (system(command) != 0)
		abort();
}

const char *
cluster_host(void)
{
	return embedded_host(embedded);
}

struct pg *
cluster_open(const char *user, const char *database)
{
	char why[512] = "";
	const struct pg_target target = {.host = cluster_host(), .user = user, .database = database};
	struct pg *pg = pg_open(&target, why, sizeof(why));

	if (pg == NULL)
		print_error("%s\n", why);
	assert_non_null(pg);
	return pg;
}

void
cluster_run(const char *sql)
{
	struct pg *pg = cluster_open("postgres", "handback");

	if (pg_script(pg, sql) != PG_OK)
		fail_msg("%s: %s", sql, pg_why(pg));
	pg_close(pg);
}

static pid_t
postmaster(void)
{
	static pid_t pid; /* asked while it answers */
	struct pg_result *r;
	char path[512];
	FILE *file;
	long number = 0;

	if (pid != 0)
		return pid;
	struct pg *pg = cluster_open("postgres", "handback");
	assert_int_equal(pg_run(pg, "SELECT current_setting('data_directory')", 0, NULL, &r), PG_OK);
	snprintf(path, sizeof(path), "%s/postmaster.pid", pg_text(r, 0, 0));
	pg_result_free(r);
	pg_close(pg);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &number), 1);
	fclose(file);
	return pid = (pid_t) number;
}

void
cluster_freeze(bool freeze)
{
	char path[64];
	long child;
	FILE *children;
	pid_t first = postmaster();

	assert_int_equal(kill(first, freeze ? SIGSTOP : SIGCONT), 0);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", first, first);
	children = fopen(path, "re");
	assert_non_null(children);
	while (fscanf(children, "%ld", &child) == 1)
		kill((pid_t) child, freeze ? SIGSTOP : SIGCONT);
	fclose(children);
}

/* ---- the wire ---- */

static struct {
	enum cut cut;
	bool used;
	int listener, stop[2];
	pthread_t thread;
} wire;

static int
unix_socket(const char *dir, struct sockaddr_un *at)
{
	memset(at, 0, sizeof(*at));
	at->sun_family = AF_UNIX;
	if (snprintf(at->sun_path, sizeof(at->sun_path), "%s/.s.PGSQL.5432", dir) >= (int) sizeof(at->sun_path))
		abort();
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* Forwards in both directions until one side is gone, we are told to stop, or the COMMIT came by. */
static void
forward(int client, int server)
{
	struct pollfd fds[] = {{client, POLLIN, 0}, {server, POLLIN, 0}, {wire.stop[0], POLLIN, 0}};
	bool cutting = false;
	int answers = 0;
	char buf[65536];

	while (poll(fds, 3, -1) > 0 && fds[2].revents == 0) {
		for (int side = 0; side < 2; side++) {
			if (fds[side].revents == 0)
				continue;
			ssize_t n = read(fds[side].fd, buf, sizeof(buf));
			if (n <= 0 || (side == 1 && cutting && (wire.cut != CUT_WITHIN || answers++ > 0)))
				return;
			if (side == 0 && !wire.used && wire.cut != CUT_NEVER &&
			    memmem(buf, (size_t) n, "COMMIT", 7) != NULL) {
				wire.used = cutting = true;
				if (wire.cut == CUT_BEFORE)
					return;
			}
			if (write(fds[1 - side].fd, buf, (size_t) n) != n)
				return;
		}
	}
}

static void *
run_wire(void *arg)
{
	struct pollfd fds[] = {{wire.listener, POLLIN, 0}, {wire.stop[0], POLLIN, 0}};
	struct sockaddr_un at;

	while (poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
		int client = accept(wire.listener, NULL, NULL), server = unix_socket(cluster_host(), &at);

		if (client >= 0 && connect(server, (const struct sockaddr *) &at, sizeof(at)) == 0)
			forward(client, server);
		close(client);
		close(server);
	}
	return arg;
}

const char *
wire_start(enum cut cut)
{
	struct sockaddr_un at;

	wire.cut = cut;
	wire.used = false;
	snprintf(wire_dir, sizeof(wire_dir), "%s/wire", top);
	mkdir(wire_dir, 0700);
	wire.listener = unix_socket(wire_dir, &at);
	unlink(at.sun_path);
	assert_int_equal(bind(wire.listener, (const struct sockaddr *) &at, sizeof(at)), 0);
	assert_int_equal(listen(wire.listener, 4), 0);
	assert_int_equal(pipe(wire.stop), 0);
	assert_int_equal(pthread_create(&wire.thread, NULL, run_wire, NULL), 0);
	return wire_dir;
}

void
wire_stop(void)
{
	assert_int_equal(write(wire.stop[1], "x", 1), 1);
	pthread_join(wire.thread, NULL);
	close(wire.stop[0]);
	close(wire.stop[1]);
	close(wire.listener);
}
