/*
 * handback-desk: one person's pages, made over one connection of the database that is that person's.
 *
 * Trust: it logs in to the database as the person whom handback-web names, and the database then takes the
 * person's link, which only the person can have made there: so handback-web can let in nobody by itself, and
 * session_user is who decides.  When it is in, it locks itself down: no second connection, no file but kept
 * copies, to read.  It reads no stranger's HTTP; a request is bounded, and a value goes into a page escaped.
 *
 *     --config FILE   where the database and the spool are
 *     --listen PATH   a SOCK_SEQPACKET socket that it makes, with a process for each connection
 *
 * Without --listen a connection is its descriptor 3.  HANDBACK_TRY_SOCKET: where handback-try listens, for dry
 * runs.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/hash/secret_text.h"
#include "lib/protocol/channel.h"
#include "lib/protocol/serve.h"
#include "lib/sandbox/attempt.h"
#include "lib/sandbox/program.h"
#include "web/desk/desk.h"
#include "web/desk/desk_sql.h"

#define ENTER_S 10
#define TRY_S 25 /* until a dry run has come to its end: a page is waited for */
#define IDLE_S (20 * 60) /* handback-web ends a session before that */

/* ---- into the database ---- */

/* The person, and the link: false with a sentence for the browser. */
static bool
enter(struct desk *d, const struct config *config, const struct desk_enter *who, const char **ret_sentence)
{
	const struct connect how = {.application = "handback-desk",
	                            .config = config,
	                            .roles = "{handback_operator,handback_finance}",
	                            .person = who->person,
	                            .checked = true};
	char why[LIMIT_MESSAGE_BYTES] = "";
	const char *value = secret_text_hash(who->code, d->login);
	struct pg_result *r = NULL;
	bool entered = false;

	*ret_sentence = "This link is not good: it was used, is older than five minutes, or is none of ours.";
	if (connect_open(&how, &d->connection, why, sizeof(why)) != EXIT_CLEAN) {
		log_write(LOG_NOTICE, "nobody is let in",
		          LOG_FIELDS(log_text("person", who->person), log_text("why", why)));
		return false;
	}
	d->query.pg = d->connection.pg;
	if (pg_run(d->query.pg, desk_enter, 1, &value, &r) == PG_OK && pg_true_of(r, 0, "entered")) {
		entered = true;
		d->decides = pg_true_of(r, 0, "decides");
	}
	pg_result_free(r);
	if (entered && pg_run(d->query.pg, desk_bounds, 0, NULL, NULL) != PG_OK)
		entered = false;
	log_write(LOG_NOTICE, entered ? "let in" : "nobody is let in",
	          LOG_FIELDS(log_text("person", who->person)));
	return entered;
}

/* Behind this there is no other connection, and no file but kept ones. */
static bool
lock_down(struct desk *d, const struct config *config)
{
	static const char *const kept[SANDBOX_DESK_DIRECTORIES] = {"archive", "quarantine"};
	int directories[SANDBOX_DESK_DIRECTORIES];
	char why[LIMIT_MESSAGE_BYTES];
	size_t count = 0;
	bool locked;

	d->query.spool = open(config->spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; d->query.spool >= 0 && i < SANDBOX_DESK_DIRECTORIES; i++) {
		int fd = openat(d->query.spool, kept[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0)
			directories[count++] = fd;
	}
	locked = sandbox_desk(directories, count, DESK_PAGE_BYTES, config->sandbox == CONFIG_SANDBOX_NO_LANDLOCK,
	                      why, sizeof(why));
	while (count > 0)
		close(directories[--count]);
	if (!locked)
		log_write(LOG_ERR, why, NULL);
	return locked;
}

/* ---- pages ---- */

static bool
send_answer(int *turn, enum desk_message message, const struct desk_answer *answer, int page)
{
	static struct message_line line;

	return desk_answer_encode(&line, turn, message, answer) &&
	       channel_send(SERVE_CONNECTION, line.text, line.length, page) == 0;
}

/* False: the session is over. */
static bool
give_page(struct desk *d, const struct desk_ask *ask, int *turn)
{
	int page = memfd_create("page", MFD_CLOEXEC);
	struct reply reply = {.out = page >= 0 ? fdopen(page, "w") : NULL};
	struct desk_answer answer;
	bool sent;

	if (reply.out == NULL)
		return false;
	desk_answer(d, ask, &reply);
	answer = (struct desk_answer){.status = reply.status,
	                              .type = reply.type,
	                              .name = reply.name,
	                              .location = reply.location,
	                              .ends = reply.ends};
	sent = fflush(reply.out) == 0 && !ferror(reply.out) && send_answer(turn, DESK_PAGE, &answer, page);
	fclose(reply.out);
	free(reply.name);
	free(reply.location);
	return sent && !reply.ends;
}

static int
serve(struct desk *d, int *turn)
{
	static char line[MESSAGE_BYTES + 2];
	const struct timeval patience = {.tv_sec = IDLE_S};
	char why[LIMIT_MESSAGE_BYTES];
	struct desk_enter enter;
	struct desk_ask ask;
	size_t len;
	int body;

	setsockopt(SERVE_CONNECTION, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (channel_receive(SERVE_CONNECTION, line, sizeof(line), &len, &body) > 0) {
		int message = desk_call_decode(&enter, &ask, turn, line, body, why, sizeof(why));
		bool asks = message == DESK_ASK || message == DESK_UPLOAD, goes_on = asks && give_page(d, &ask, turn);

		if (body >= 0)
			close(body);
		if (!asks) {
			log_write(LOG_ERR, "handback-web breaks the protocol", LOG_FIELDS(log_text("why", why)));
			return EXIT_USAGE;
		}
		if (!goes_on)
			break;
	}
	return EXIT_CLEAN;
}

/* True: where there is no handback-try, there are no dry runs, and all else. */
static bool
open_try(struct desk *d)
{
	const struct timeval patience = {.tv_sec = TRY_S};
	const char *path = getenv("HANDBACK_TRY_SOCKET");

	d->try = path != NULL ? channel_connect(path) : -1;
	if (d->try >= 0) {
		fcntl(d->try, F_SETFL, 0); /* an answer is waited for */
		setsockopt(d->try, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	}
	return true;
}

/* Whose files this spool has to have. */
static void
name_sources(struct desk *d, const struct config *config)
{
	d->sources = mem_new(config->source_count + 1, sizeof(*d->sources));
	for (size_t i = 0; i < config->source_count; i++)
		d->sources[d->source_count++] = config->sources[i].name;
}

static int
serve_connection(const char *path)
{
	static char line[MESSAGE_BYTES + 2];
	const struct timeval patience = {.tv_sec = ENTER_S};
	struct desk d = {.try = -1, .query = {.spool = -1, .say = desk_say, .whole = "its CSV has every one"}};
	struct config *config = config_load_logged(path);
	char why[LIMIT_MESSAGE_BYTES], person[DESK_PERSON_BYTES + 1];
	struct desk_answer answer = {.why = NULL};
	struct desk_enter who;
	struct desk_ask ask;
	int turn = DESK_TURN_NEW, code = EXIT_USAGE;
	size_t len;

	setsockopt(SERVE_CONNECTION, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (config == NULL || channel_receive(SERVE_CONNECTION, line, sizeof(line), &len, NULL) <= 0 ||
	    desk_call_decode(&who, &ask, &turn, line, -1, why, sizeof(why)) != DESK_ENTER) {
		config_free(config);
		return EXIT_USAGE;
	}
	snprintf(person, sizeof(person), "%s", who.person);
	d.person = person;
	d.approve_within_ms = config->approve_within_ms;
	name_sources(&d, config);
	if (!enter(&d, config, &who, &answer.why)) {
		send_answer(&turn, DESK_REFUSED, &answer, -1);
	} else if (open_try(&d) && lock_down(&d, config)) {
#ifdef TEST_BUILD
		attempt_escape();
#endif
		code = send_answer(&turn, DESK_ENTERED, &answer, -1) ? serve(&d, &turn) : EXIT_FAILED;
	}
	if (d.try >= 0)
		close(d.try);
	connect_close(&d.connection);
	free(d.sources);
	config_free(config);
	return code;
}

int
main(int argc, char **argv)
{
	harden_keys();
	return serve_main("handback-desk", argc, argv, serve_connection);
}
