/*
 * handback-outbox: tells other systems what becomes of redemptions.
 *
 * Trust: it faces no stranger.  It asks the database as a role that claims what there is to tell and notes
 * what came of it, and reads no table; it has a handback-send for each target, which has the network and no
 * database, and gives it the objects and the target's credentials.  Of an answer it learns a result and a
 * code (lib/protocol/send_job.h).
 *
 *     --database CONNINFO, or --config FILE: where the database is
 *     --credentials DIRECTORY  files TARGET.NAME; without it systemd's
 *     --requests DIRECTORY     PROGRAMME/PARTNER/profile.yaml and out/: where request files appear
 *     --files DIRECTORY        TARGET/: where files of systems that take nothing else appear
 *     --send SOCKET            where handback-send's unit listens; without it processes of ours
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/stop.h"
#include "lib/config/config.h"
#include "lib/db/connect.h"
#include "outbound/loop.h"

#define ROLE "handback_outbox"

struct options {
	const char *config, *database, *credentials, *send, *requests, *files;
	bool no_landlock;
};

static int
usage(void)
{
	fputs("usage: handback-outbox (--config FILE | --database CONNINFO) [--credentials DIRECTORY] [--send "
	      "SOCKET] "
	      "[--requests DIRECTORY] [--files DIRECTORY] [--no-landlock]\n",
	      stderr);
	return EXIT_USAGE;
}

static bool
read_options(int argc, char **argv, struct options *ret)
{
	static const struct option known[] = {
	    {"config", required_argument, NULL, 'c'},      {"database", required_argument, NULL, 'd'},
	    {"credentials", required_argument, NULL, 'k'}, {"send", required_argument, NULL, 's'},
	    {"requests", required_argument, NULL, 'r'},    {"files", required_argument, NULL, 'f'},
	    {"no-landlock", no_argument, NULL, 'n'},       {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0)
		if (option == 'c')
			ret->config = optarg;
		else if (option == 'd')
			ret->database = optarg;
		else if (option == 'k')
			ret->credentials = optarg;
		else if (option == 's')
			ret->send = optarg;
		else if (option == 'r')
			ret->requests = optarg;
		else if (option == 'f')
			ret->files = optarg;
		else if (option == 'n')
			ret->no_landlock = true;
		else
			return false;
	return optind == argc && (ret->config == NULL) != (ret->database == NULL);
}

static int
run(const struct options *o, struct sender_how *how)
{
	struct config *config = o->config != NULL ? config_load_logged(o->config) : NULL;
	const struct connect connect = {.application = "handback-outbox",
	                                .config = config,
	                                .conninfo = o->database,
	                                .roles = "{" ROLE "}",
	                                .user = ROLE,
	                                .posts = true,
	                                .checked = true};
	struct connection connection = {0};
	char why[LIMIT_MESSAGE_BYTES];
	int stop = stop_signals(), code;

	if (o->config != NULL && config == NULL)
		return EXIT_USAGE;
	how->no_landlock |= config != NULL && config->sandbox == CONFIG_SANDBOX_NO_LANDLOCK;
	code = connect_open(&connect, &connection, why, sizeof(why));
	if (code != EXIT_CLEAN) {
		log_write(LOG_ERR, "cannot connect to the database", LOG_FIELDS(log_text("why", why)));
	} else {
		pg_watch_logged(connection.pg);
		log_write(LOG_INFO, "ready", NULL);
		if (loop_run(connection.pg, how, o->requests, stop) < 0) {
			log_write(LOG_ERR, "cannot wait for senders", LOG_FIELDS(log_errno(errno)));
			code = EXIT_INTERNAL;
		}
	}
	connect_close(&connection);
	config_free(config);
	return code;
}

int
main(int argc, char **argv)
{
	struct options options = {0};
	struct sender_how how = {0};
	int code;

	harden_keys();
	if (!read_options(argc, argv, &options))
		return usage();
	log_open("handback-outbox", LOG_INFO);
	how.socket = options.send;
	how.files = options.files;
	how.no_landlock = options.no_landlock;
	if (!credentials_open(&how.credentials, options.credentials)) {
		log_write(LOG_ERR, "cannot read the directory of credentials", LOG_FIELDS(log_errno(errno)));
		return EXIT_USAGE;
	}
	code = run(&options, &how);
	credentials_close(&how.credentials);
	return code;
}
