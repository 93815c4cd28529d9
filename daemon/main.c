/*
 * handbackd: holds the loop, the schedule, the spool's lock and its children;
 * never a partner's byte, never the database.
 */
#include <getopt.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/setup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/owner.h"
#include "lib/base/paths.h"
#include "lib/config/config.h"
#include "lib/protocol/control_client.h"

static const char usage[] =
    "usage: handbackd [--config FILE] [--once | --check | --options | --version]\n"
    "\n"
    "Watches the inbound directories of partners and has every file that arrives reconciled.\n"
    "\n"
    "  --config FILE  the configuration (" PATHS_CONFIG ")\n"
    "  --once         handle all that is due, then exit: 0 clean, 3 something is held, 4 something failed\n"
    "                 (where a handbackd runs already, it is asked to, and waited for)\n"
    "  --check        say what is wrong with the configuration and the directories, change nothing\n"
    "  --options      the options of the configuration file: name, type, default, reload or restart, help\n"
    "  --version\n"
    "  --help\n"
    "\n"
    "signals: HUP reads the configuration again, TERM stops within 5 seconds\n"
    "\n"
    "example:\n"
    "  handbackd --config ./handback.yaml --check && handbackd --config ./handback.yaml\n";

/* A daemon has the spool: it does the work, and this ends with the status as if we had done it; -1: none
 * answers. */
static int
ask_running(const char *control)
{
	char *answer = control_ask(control, CONTROL_WAIT, 0);
	struct control_done done;
	bool good = answer != NULL && control_done_decode(&done, answer);

	free(answer);
	if (!good)
		return -1;
	if (done.waiting > 0 || done.sources_failing > 0)
		return EXIT_FAILED;
	return done.held > 0 || done.held_records > 0 ? EXIT_HELD : EXIT_CLEAN;
}

static int
run(const char *config_path, bool once)
{
	struct problems *p = problems_new(config_path);
	struct config *config = NULL;
	int config_fd = -1, status = EXIT_USAGE;
	char why[LIMIT_MESSAGE_BYTES];

	if (p == NULL)
		return EXIT_INTERNAL;
	if (setup_config(config_path, p, &config, &config_fd) < 0) {
		for (size_t i = 0; problems_line(p, i) != NULL; i++)
			fprintf(stderr, "%s\n", problems_line(p, i));
		problems_free(p);
		return EXIT_USAGE;
	}
	/* before anything of the spool is touched: root would work where a service's user puts names */
	if (!owner_become(config->spool, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		problems_free(p);
		config_free(config);
		close(config_fd);
		return EXIT_UNAVAILABLE;
	}
	log_open("handbackd", config->log_level);
	for (size_t i = 0; problems_line(p, i) != NULL; i++)
		log_write(LOG_WARNING, "configuration", LOG_FIELDS(log_text("problem", problems_line(p, i))));
	problems_free(p);
	umask(077);
	if (once) {
		int lock = setup_spool(config, why, sizeof(why));

		status = lock == -2 ? ask_running(config->control) : -1;
		if (lock >= 0)
			close(lock);
		if (status >= 0) {
			config_free(config);
			close(config_fd);
			return status;
		}
	}
	if (chdir("/") < 0)
		log_write(LOG_WARNING, "cannot leave the working directory", NULL);
	return daemon_run(config, config_fd, once);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"once", no_argument, NULL, 'o'},
	    {"check", no_argument, NULL, 'k'},
	    {"options", no_argument, NULL, 'O'},
	    {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	const char *config = PATHS_CONFIG;
	int c, mode = 0;

	harden_keys();
	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (c == 'c')
			config = optarg;
		else if (c == '?' || (mode != 0 && mode != c)) {
			fputs(usage, stderr);
			return EXIT_USAGE;
		} else
			mode = c;
	}
	if (optind < argc) {
		fprintf(stderr, "handbackd takes no argument but options: %s\n\n%s", argv[optind], usage);
		return EXIT_USAGE;
	}
	switch (mode) {
	case 'h':
		return fputs(usage, stdout) < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
	case 'V':
		return puts("handbackd " HANDBACK_VERSION) < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
	case 'O':
		return config_describe(stdout) ? EXIT_CLEAN : EXIT_INTERNAL;
	case 'k':
		return setup_check(config);
	default:
		return run(config, mode == 'o');
	}
}
