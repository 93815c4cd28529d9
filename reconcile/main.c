/*
 * handback-reconcile: one connection to the database, one spool, and files one
 * after the other; it parses no partner's bytes itself (docs/architecture.md).
 *
 *     3  the channel to handbackd
 *     4  optional: the configuration's bytes, where they are not to be read from its path
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/log.h"
#include "lib/base/paths.h"
#include "lib/config/config.h"
#include "lib/db/connect.h"
#include "reconcile/worker.h"

#define CHANNEL_FD 3
#define CONFIG_FD 4
#define ROLE "handback_daemon"

static int
usage(void)
{
	fputs("usage: handback-reconcile --config FILE [--worker N]\n"
	      "handbackd starts it, with a channel on descriptor 3; run handbackctl instead\n",
	      stderr);
	return EXIT_USAGE;
}

static int
open_database(const struct config *config, struct connection *ret)
{
	const struct connect how = {.application = "handback-reconcile",
	                            .config = config,
	                            .roles = "{" ROLE "}",
	                            .user = ROLE,
	                            .posts = true};
	char why[LIMIT_MESSAGE_BYTES];
	int code = connect_open(&how, ret, why, sizeof(why));

	if (code != EXIT_CLEAN)
		log_write(LOG_ERR, "cannot connect to the database", LOG_FIELDS(log_text("why", why)));
	return code;
}

static int
open_reconciler(struct reconciler *r, const struct config *config, struct connection *connection)
{
	const char *missing;
	int code;

	r->spool = (struct spool){-1, -1, -1, -1};
	r->no_landlock = config->sandbox == CONFIG_SANDBOX_NO_LANDLOCK;
	profile_cache_open(&r->profile);
	parser_child_open(&r->child);
	missing = reconciler_find_parsers(r);
	if (missing != NULL) {
		log_write(LOG_ERR, "a program is not installed",
		          LOG_FIELDS(log_text("program", missing), log_errno(errno)));
		return EXIT_INTERNAL;
	}
	r->profiles = open(config->profiles, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->profiles < 0) {
		log_write(LOG_ERR, "the profiles' directory cannot be opened",
		          LOG_FIELDS(log_text("path", config->profiles), log_errno(errno)));
		return EXIT_USAGE;
	}
	if (spool_open(config->spool, &r->spool) < 0) {
		log_write(LOG_ERR, "the spool cannot be opened",
		          LOG_FIELDS(log_text("path", config->spool), log_errno(errno)));
		return EXIT_UNAVAILABLE;
	}
	code = open_database(config, connection);
	r->pg = connection->pg;
	if (code == EXIT_CLEAN)
		pg_watch_logged(r->pg);
	return code;
}

static void
close_reconciler(struct reconciler *r, struct connection *connection)
{
	parser_child_stop(&r->child);
	profile_cache_close(&r->profile);
	connect_close(connection);
	spool_close(&r->spool);
	if (r->profiles >= 0)
		close(r->profiles);
}

static int
serve_files(const struct config *config)
{
	struct reconciler r = {.profiles = -1};
	struct connection connection = {0};
	int code = open_reconciler(&r, config, &connection);

	if (code == EXIT_CLEAN)
		code = worker_serve(&r, config, CHANNEL_FD);
	close_reconciler(&r, &connection);
	return code;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
	                                        {"worker", required_argument, NULL, 'w'},
	                                        {NULL, 0, NULL, 0}};
	const char *path = NULL;
	struct config *config;
	int option, type, code;
	socklen_t len = sizeof(type);

	harden_keys();
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'c')
			path = optarg;
		else if (option != 'w') /* its number is for who reads the process list */
			return usage();
	}
	if (path == NULL || optind != argc || getsockopt(CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET)
		return usage();
	log_open("handback-reconcile", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN); /* a lease of ours that a writer breaks: copy.c looks for itself */
	fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC);
	config = config_read_given_logged(CONFIG_FD, path);
	if (config == NULL)
		return EXIT_USAGE;
	log_set_level(config->log_level);
	code = serve_files(config);
	config_free(config);
	return code;
}
