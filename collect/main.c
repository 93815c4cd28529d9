/*
 * handback-collect: reads the database, as a role that may do nothing else, and
 * walks the spool, for the daemon's metrics; no partner's byte, no job.
 *
 *     3  the channel to handbackd, which says by its end that nobody needs us
 *     4  optional: the configuration's bytes, where they are not to be read from its path
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collect/collector.h"
#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/config/config.h"
#include "lib/db/connect.h"

#define CHANNEL_FD 3
#define CONFIG_FD 4
#define ROLE "handback_collector"

static int
usage(void)
{
	fputs("usage: handback-collect --config FILE\n"
	      "handbackd starts it, with a channel on descriptor 3\n",
	      stderr);
	return EXIT_USAGE;
}

static int
serve(const struct config *config)
{
	const struct connect how = {
	    .application = "handback-collect", .config = config, .roles = "{" ROLE "}", .user = ROLE};
	struct connection connection = {0};
	char why[LIMIT_MESSAGE_BYTES];
	struct spool spool;
	int code;

	if (spool_open(config->spool, &spool) < 0) {
		log_write(LOG_ERR, "the spool cannot be opened",
		          LOG_FIELDS(log_text("path", config->spool), log_errno(errno)));
		return EXIT_UNAVAILABLE;
	}
	code = connect_open(&how, &connection, why, sizeof(why));
	if (code == EXIT_CLEAN)
		code = collector_serve(connection.pg, &spool, config, CHANNEL_FD);
	else
		log_write(LOG_ERR, "cannot connect to the database", LOG_FIELDS(log_text("why", why)));
	connect_close(&connection);
	spool_close(&spool);
	return code;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
	const char *path = NULL;
	struct config *config;
	int option, type, code;
	socklen_t len = sizeof(type);

	harden_keys();
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option != 'c')
			return usage();
		path = optarg;
	}
	if (path == NULL || optind != argc || getsockopt(CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET)
		return usage();
	log_open("handback-collect", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC);
	config = config_read_given_logged(CONFIG_FD, path);
	if (config == NULL)
		return EXIT_USAGE;
	log_set_level(config->log_level);
	code = serve(config);
	config_free(config);
	return code;
}
