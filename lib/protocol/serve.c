#include "lib/protocol/serve.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/log.h"
#include "lib/base/spawn.h"
#include "lib/protocol/channel.h"

#define WAITING 64

static int
listen_for(const char *name, const char *socket_path, const char *config)
{
	char self[PATH_MAX];
	const char *const argv[] = {name, "--config", config, NULL};
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int listener = channel_listen(socket_path, SOCK_SEQPACKET, WAITING);

	if (len <= 0 || listener < 0) {
		log_write(LOG_ERR, "there is no socket to listen on",
		          LOG_FIELDS(log_text("path", socket_path), log_errno(errno)));
		return EXIT_USAGE;
	}
	self[len] = '\0';
	signal(SIGCHLD, SIG_IGN); /* nobody waits for them */
	log_write(LOG_INFO, "ready", NULL);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		const struct spawn_fd fds[] = {{STDERR_FILENO, STDERR_FILENO}, {fd, SERVE_CONNECTION}};
		const struct spawn program = {
		    .path = self, .argv = argv, .env = spawn_environment(), .fds = fds, .fd_count = 2};

		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return EXIT_FAILED;
		if (fd >= 0 && spawn(&program) < 0)
			log_write(LOG_ERR, "a process for a connection cannot be started", LOG_FIELDS(log_errno(errno)));
		if (fd >= 0)
			close(fd);
	}
}

int
serve_main(const char *name, int argc, char **argv, int (*one)(const char *config))
{
	static const struct option known[] = {{"config", required_argument, NULL, 'c'},
	                                      {"listen", required_argument, NULL, 'l'},
	                                      {NULL, 0, NULL, 0}};
	const char *config = NULL, *listen_at = NULL;
	char path[PATH_MAX];
	bool known_all = true;
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0)
		if (option == 'c')
			config = optarg;
		else if (option == 'l')
			listen_at = optarg;
		else
			known_all = false;
	if (!known_all || optind != argc || config == NULL) {
		fprintf(stderr, "usage: %s --config FILE [--listen PATH]\n", name);
		return EXIT_USAGE;
	}
	log_open(name, LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (realpath(config, path) == NULL) { /* a process of its own starts elsewhere */
		log_write(LOG_ERR, "configuration", LOG_FIELDS(log_text("file", config), log_errno(errno)));
		return EXIT_USAGE;
	}
	return listen_at != NULL ? listen_for(name, listen_at, path) : one(path);
}
