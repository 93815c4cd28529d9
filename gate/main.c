/*
 * handback-gate: the redemption API's face to the network.
 *
 * Trust: strangers' bytes are read here and nowhere else.  It holds no database, no key and no secret of its
 * own; it turns a request into one typed call for handback-api (lib/protocol/api_call.h) and that one's
 * answer into HTTP.  It listens on a UNIX socket or on loopback, behind a proxy that speaks TLS.
 *
 *     --listen PATH | ADDRESS:PORT   of loopback; or systemd's socket, as descriptor 3
 *     --api PATH                     the socket of a handback-api; once for each of them
 *     --metrics PATH                 a UNIX socket for monitoring alone: counts, no caller and no member
 *     --no-landlock                  the operator writes Landlock off: tried all the same, but not missed
 *     --trusted-proxy                several requests over one connection: only where the proxy was tested
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate/http.h"
#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/http/callers.h"
#include "lib/http/listen.h"
#include "lib/protocol/channel.h"
#include "lib/sandbox/program.h"
#include "parsers/nested/xml_quiet.h"
#ifdef TEST_BUILD
#include "lib/sandbox/attempt.h"
#endif

#define METRICS_WAITING 16
#define DRAIN_TICK_MS 50
#define DRAIN_IDLE_TICKS 4 /* without a call, before it ends */

struct gate {
	struct event_base *base;
	struct http *http;
	struct event *drained;
	int ticks, idle;
};

static int
usage(void)
{
	fputs("usage: handback-gate --api PATH [--api PATH ...] [--listen PATH | ADDRESS:PORT] [--metrics PATH] "
	      "[--no-landlock] [--trusted-proxy]\n",
	      stderr);
	return EXIT_USAGE;
}

/* ---- the socket of counts ---- */

/* *ret_fd untouched where none is wanted. */
static bool
open_metrics(const char *where, int *ret_fd)
{
	int fd;

	if (where == NULL)
		return true;
	fd = channel_listen(where, SOCK_STREAM | SOCK_NONBLOCK, METRICS_WAITING);
	if (fd >= 0)
		*ret_fd = fd;
	else
		log_write(LOG_ERR, "there is no socket for metrics",
		          LOG_FIELDS(log_text("where", where), log_errno(errno)));
	return fd >= 0;
}

/* ---- the end ---- */

static void
on_drain_tick(evutil_socket_t none, short what, void *context)
{
	const struct timeval tick = {.tv_usec = DRAIN_TICK_MS * 1000};
	struct gate *g = context;

	(void) none, (void) what;
	/* the last answer was given to the connection, not yet to the kernel: one more turn of the loop, and some
	 */
	g->idle = http_idle(g->http) ? g->idle + 1 : 0;
	if (g->idle > DRAIN_IDLE_TICKS || ++g->ticks > CALLERS_WHOLE_S * 1000 / DRAIN_TICK_MS)
		event_base_loopexit(g->base, NULL);
	else
		event_add(g->drained, &tick);
}

static void
on_signal(evutil_socket_t number, short what, void *context)
{
	struct gate *g = context;

	(void) number, (void) what;
	http_drain(g->http);
	on_drain_tick(-1, 0, g);
}

static int
run(int listener, int counts, bool trusted, int files, const char *const *apis, size_t count)
{
	struct gate g = {.base = event_base_new()};
	struct backend *backend = g.base != NULL ? backend_new(g.base, apis, count) : NULL;
	struct event *term = NULL, *interrupt = NULL;
	int code = EXIT_INTERNAL;

	if (backend != NULL) {
		g.http = http_new(g.base, listener, trusted, files, backend);
		g.drained = evtimer_new(g.base, on_drain_tick, &g);
		term = evsignal_new(g.base, SIGTERM, on_signal, &g);
		interrupt = evsignal_new(g.base, SIGINT, on_signal, &g);
	}
	if (g.http != NULL && counts >= 0 && !http_metrics(g.http, g.base, counts)) {
		http_free(g.http);
		g.http = NULL;
	}
	if (g.http != NULL && g.drained != NULL && term != NULL && interrupt != NULL) {
		event_add(term, NULL);
		event_add(interrupt, NULL);
		log_write(LOG_INFO, "ready", NULL);
		if (event_base_dispatch(g.base) == 0)
			code = EXIT_CLEAN;
	}
	backend_free(backend);
	http_free(g.http);
	for (size_t i = 0; i < 3; i++) {
		struct event *e = i == 0 ? g.drained : i == 1 ? term : interrupt;

		if (e != NULL)
			event_free(e);
	}
	if (g.base != NULL)
		event_base_free(g.base);
	return code;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"listen", required_argument, NULL, 'l'},  {"api", required_argument, NULL, 'a'},
	    {"metrics", required_argument, NULL, 'm'}, {"no-landlock", no_argument, NULL, 'n'},
	    {"trusted-proxy", no_argument, NULL, 't'}, {NULL, 0, NULL, 0}};
	const char *apis[BACKEND_MOST], *where = NULL, *metrics = NULL;
	bool trusted = false, no_landlock = false;
	char why[LIMIT_MESSAGE_BYTES];
	size_t count = 0;
	int option, listener, files, counts = -1;

	harden();
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (option == 'l')
			where = optarg;
		else if (option == 'm')
			metrics = optarg;
		else if (option == 't')
			trusted = true;
		else if (option == 'n')
			no_landlock = true;
		else if (option == 'a' && count < BACKEND_MOST)
			apis[count++] = optarg;
		else
			return usage();
	if (optind != argc || count == 0)
		return usage();
	log_open("handback-gate", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	xml_quiet_start();
	listener = listen_where(where);
	if (listener < 0) {
		log_write(LOG_ERR, "there is no socket to listen on",
		          LOG_FIELDS(log_text("where", where), log_errno(errno)));
		return EXIT_USAGE;
	}
	if (!open_metrics(metrics, &counts))
		return EXIT_USAGE;
	files = (int) sysconf(_SC_OPEN_MAX); /* the sandbox does not let it be asked */
	if (!sandbox_gate(no_landlock, why, sizeof(why))) {
		log_write(LOG_ERR, why, NULL);
		return EXIT_FAILED;
	}
#ifdef TEST_BUILD
	attempt_escape();
#endif
	return run(listener, counts, trusted, files, apis, count);
}
