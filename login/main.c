/*
 * handback-login: lets people into the pages by the word of a proxy that knows them.
 *
 * Trust: strangers' bytes are read here.  Its one right in the database is to make a link for somebody who is a person
 * of the pages (handback.make_web_link_for): it reads no table and creates nobody.  Whoever takes it over lets in whom
 * they like as one of those people, and each such link says by its way that it did not come from the person.  It holds
 * one connection of the database, and when that is gone it ends, for systemd to begin another.
 *
 *     --config FILE                  where the database is, and who vouches
 *     --listen PATH | ADDRESS:PORT   of loopback; or systemd's socket, as descriptor 3
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/db/connect.h"
#include "lib/http/listen.h"
#include "lib/sandbox/program.h"
#include "login/login.h"
#include "login/login_sql.h"
#ifdef TEST_BUILD
#include "lib/sandbox/attempt.h"
#endif

#define ROLE "handback_login"

static int
usage(void)
{
	fputs("usage: handback-login --config FILE [--listen PATH | ADDRESS:PORT]\n", stderr);
	return EXIT_USAGE;
}

static void
on_signal(evutil_socket_t number, short what, void *context)
{
	(void) number, (void) what;
	event_base_loopexit(context, NULL);
}

/* Whose connections are heard. */
static bool
find_proxy(struct login *l)
{
	const char *name = l->config->login.proxy_user;
	const struct passwd *user = name != NULL ? getpwnam(name) : NULL;

	if (name == NULL) {
		log_write(LOG_ERR, "nobody vouches for anybody: the configuration has no login.proxy", NULL);
		return false;
	}
	if (user == NULL) {
		log_write(LOG_ERR, "login.proxy.user is no user of this machine", LOG_FIELDS(log_text("user", name)));
		return false;
	}
	l->proxy = user->pw_uid;
	return true;
}

static bool
open_database(struct login *l, struct connection *connection)
{
	const struct connect how = {.application = "handback-login",
	                            .config = l->config,
	                            .roles = "{" ROLE "}",
	                            .user = ROLE,
	                            .checked = true};
	char why[LIMIT_MESSAGE_BYTES];

	if (connect_open(&how, connection, why, sizeof(why)) != EXIT_CLEAN) {
		log_write(LOG_ERR, "cannot connect to the database", LOG_FIELDS(log_text("why", why)));
		return false;
	}
	l->pg = connection->pg;
	return pg_run(l->pg, sql_login_bounds, 0, NULL, NULL) == PG_OK;
}

static bool
lock_down(const struct login *l)
{
	char why[LIMIT_MESSAGE_BYTES];

	if (!sandbox_login(l->config->sandbox == CONFIG_SANDBOX_NO_LANDLOCK, why, sizeof(why))) {
		log_write(LOG_ERR, why, NULL);
		return false;
	}
#ifdef TEST_BUILD
	attempt_escape();
#endif
	return true;
}

static int
run(struct login *l, int listener)
{
	int files = (int) sysconf(_SC_OPEN_MAX); /* the sandbox does not let it be asked */
	struct connection connection = {0};
	struct event *term = NULL, *interrupt = NULL;
	int code = EXIT_FAILED;

	l->base = event_base_new();
	if (l->base != NULL) {
		term = evsignal_new(l->base, SIGTERM, on_signal, l->base);
		interrupt = evsignal_new(l->base, SIGINT, on_signal, l->base);
	}
	if (term != NULL && interrupt != NULL && find_proxy(l) && open_database(l, &connection)) {
		event_add(term, NULL);
		event_add(interrupt, NULL);
		if (lock_down(l))
			code = login_serve(l, listener, files);
	}
	connect_close(&connection);
	if (term != NULL)
		event_free(term);
	if (interrupt != NULL)
		event_free(interrupt);
	if (l->base != NULL)
		event_base_free(l->base);
	return code;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"listen", required_argument, NULL, 'l'}, {"config", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
	const char *where = NULL, *path = NULL;
	struct config *config;
	struct login l = {.code = EXIT_CLEAN};
	int option, listener, code = EXIT_USAGE;

	harden_keys();
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (option == 'l')
			where = optarg;
		else if (option == 'c')
			path = optarg;
		else
			return usage();
	if (optind != argc || path == NULL)
		return usage();
	log_open("handback-login", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	config = config_load_logged(path);
	if (config == NULL)
		return EXIT_USAGE;
	l.config = config;
	listener = listen_where(where);
	if (listener < 0)
		log_write(LOG_ERR, "there is no socket to listen on",
		          LOG_FIELDS(log_text("where", where), log_errno(errno)));
	else
		code = run(&l, listener);
	config_free(config);
	return code;
}
