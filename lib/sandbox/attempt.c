#include "lib/sandbox/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/sandbox/escape.h"

/* Each: true when it worked, else errno says why not. */

static bool
try_read(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC) >= 0;
}

static bool
try_make(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static bool
try_run(const char *path)
{
	const char *const argv[] = {path, NULL};
	return execve(path, (char *const *) (uintptr_t) argv, (char *const *) (uintptr_t) (argv + 1)) == 0;
}

static bool
try_fork(const char *nothing)
{
	pid_t pid = (pid_t) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	(void) nothing;
	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool
try_local(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	return fd >= 0 && connect(fd, (const struct sockaddr *) &at, sizeof(at)) == 0;
}

static bool
try_tcp(const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t) strtoul(port, NULL, 10)),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *) &at, sizeof(at)) == 0;
}

/* One that it has, taken elsewhere: dissolved, to be connected again. */
static bool
try_reconnect(const char *nothing)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	(void) nothing;
	for (int fd = 3; fd < 16; fd++)
		if (connect(fd, &none, sizeof(none)) == 0)
			return true;
	return false;
}

/* To have one is enough: whom it could reach is the network's. */
static bool
try_network(const char *nothing)
{
	(void) nothing;
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_INET6, SOCK_DGRAM, 0) >= 0 ||
	       socket(AF_NETLINK, SOCK_RAW, 0) >= 0;
}

/* On its own channel, since any socket will do. */
static bool
try_linger(const char *nothing)
{
	const struct linger linger = {.l_onoff = 1, .l_linger = 7};

	(void) nothing;
	return setsockopt(3, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0;
}

static bool
try_namespace(const char *nothing)
{
	(void) nothing;
	return unshare(CLONE_NEWUSER) == 0;
}

static bool
try_trace(const char *nothing)
{
	(void) nothing;
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static const struct {
	const char *word;
	bool (*attempt)(const char *argument);
} attempts[] = {
    {"read", try_read},       {"make", try_make},           {"run", try_run},
    {"fork", try_fork},       {"local", try_local},         {"tcp", try_tcp},
    {"network", try_network}, {"namespace", try_namespace}, {"trace", try_trace},
    {"linger", try_linger},   {"reconnect", try_reconnect},
};

void
attempt_escape(void)
{
	const char *said = getenv("HANDBACK_ATTEMPT");
	size_t len = said != NULL ? strcspn(said, " ") : 0;

	for (size_t i = 0; len > 0 && i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		if (strlen(attempts[i].word) != len || strncmp(attempts[i].word, said, len) != 0)
			continue;
		if (attempts[i].attempt(said + len + (said[len] == ' ' ? 1 : 0))) {
			fprintf(stderr, "escaped: %s\n", said);
			_exit(ESCAPED);
		}
		fprintf(stderr, "refused: %s: %s\n", said, strerrordesc_np(errno));
		return;
	}
	if (len > 0)
		_exit(ESCAPE_NONE);
}
