/*
 * handback-web: the pages' face to browsers.
 *
 * Trust: strangers' bytes are read here.  It holds no database and no right of anybody's in one; whoever
 * brings a link is let in by handback-desk, and from then on a cookie leads to that person's desk, which
 * makes the pages.  It listens on a UNIX socket or on loopback, behind a proxy that speaks TLS.
 *
 *     --listen PATH | ADDRESS:PORT   of loopback; or systemd's socket, as descriptor 3
 *     --desk PATH                    where a handback-desk listens
 *     --plain                        nobody speaks TLS in front: on the machine itself, for a try
 *     --no-landlock                  the operator writes Landlock off: tried all the same, but not missed
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/http/listen.h"
#include "lib/sandbox/program.h"
#include "web/http.h"
#ifdef TEST_BUILD
#include "lib/sandbox/attempt.h"
#endif

static int
usage(void)
{
	fputs("usage: handback-web --desk PATH [--listen PATH | ADDRESS:PORT] [--plain] [--no-landlock]\n",
	      stderr);
	return EXIT_USAGE;
}

static void
on_signal(evutil_socket_t number, short what, void *context)
{
	(void) number, (void) what;
	event_base_loopexit(context, NULL);
}

static int
run(int listener, int files, const char *desk, bool plain)
{
	struct event_base *base = event_base_new();
	struct web *web = base != NULL ? web_new(base, listener, files, desk, plain) : NULL;
	struct event *term = NULL, *interrupt = NULL;
	int code = EXIT_INTERNAL;

	if (web != NULL) {
		term = evsignal_new(base, SIGTERM, on_signal, base);
		interrupt = evsignal_new(base, SIGINT, on_signal, base);
	}
	if (term != NULL && interrupt != NULL) {
		event_add(term, NULL);
		event_add(interrupt, NULL);
		log_write(LOG_INFO, "ready", NULL);
		if (event_base_dispatch(base) == 0)
			code = EXIT_CLEAN;
	}
	web_free(web);
	if (term != NULL)
		event_free(term);
	if (interrupt != NULL)
		event_free(interrupt);
	if (base != NULL)
		event_base_free(base);
	return code;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
	                                        {"desk", required_argument, NULL, 'd'},
	                                        {"plain", no_argument, NULL, 'p'},
	                                        {"no-landlock", no_argument, NULL, 'n'},
	                                        {NULL, 0, NULL, 0}};
	const char *where = NULL, *desk = NULL;
	bool plain = false, no_landlock = false;
	char why[LIMIT_MESSAGE_BYTES];
	int option, listener, files;

	harden_keys();
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (option == 'l')
			where = optarg;
		else if (option == 'd')
			desk = optarg;
		else if (option == 'p')
			plain = true;
		else if (option == 'n')
			no_landlock = true;
		else
			return usage();
	if (optind != argc || desk == NULL)
		return usage();
	log_open("handback-web", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	listener = listen_where(where);
	if (listener < 0) {
		log_write(LOG_ERR, "there is no socket to listen on",
		          LOG_FIELDS(log_text("where", where), log_errno(errno)));
		return EXIT_USAGE;
	}
	files = (int) sysconf(_SC_OPEN_MAX); /* the sandbox does not let it be asked */
	if (!sandbox_gate(no_landlock, why, sizeof(why))) {
		log_write(LOG_ERR, why, NULL);
		return EXIT_FAILED;
	}
#ifdef TEST_BUILD
	attempt_escape();
#endif
	return run(listener, files, desk, plain);
}
