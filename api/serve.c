#include "api/serve.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "api/catalogue.h"
#include "api/files.h"
#include "api/points.h"
#include "api/queue.h"
#include "api/rate.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/protocol/channel.h"

#define SEND_S 5 /* a gate that takes no answers for so long is gone */

struct gate {
	int fd; /* -1: none */
	uint64_t serial;
};

struct server {
	struct database *db;
	const struct token_keys *keys;
	const char *receive; /* socket of a handback-receive; NULL: none */
	struct gate gates[SERVE_GATES];
	uint64_t serials;
	struct queue queue;
	struct rate calls;
};

static int64_t
now_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- gates ---- */

static void
leave(struct gate *g)
{
	close(g->fd);
	g->fd = -1;
}

static void
accept_gate(struct server *s, int listener)
{
	const struct timeval patience = {.tv_sec = SEND_S};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	for (int i = 0; fd >= 0 && i < SERVE_GATES; i++)
		if (s->gates[i].fd < 0) {
			setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
			s->gates[i] = (struct gate){.fd = fd, .serial = ++s->serials};
			return;
		}
	if (fd >= 0)
		close(fd);
}

/* Sends a call's answer and frees it. */
static void
finish(struct server *s, struct call *c)
{
	static struct message_line line;

	for (int i = 0; i < SERVE_GATES; i++) {
		struct gate *g = &s->gates[i];

		if (g->fd < 0 || g->serial != c->gate)
			continue;
		if (c->handover >= 0 && c->answer.status == 200)
			api_handover_encode(&line, c->answer.id);
		else if (!api_answer_encode(&line, &c->answer)) {
			call_answer(c, "997", "the answer does not fit");
			api_answer_encode(&line, &c->answer);
		}
		if (channel_send(g->fd, line.text, line.length, c->answer.status == 200 ? c->handover : -1) < 0) {
			log_write(LOG_WARNING, "a gate takes no answers", LOG_FIELDS(log_errno(errno)));
			leave(g);
		}
	}
	call_free(c);
}

/* ---- calls that come ---- */

static bool
is_of_files(enum api_message message)
{
	return message == API_SEND || message == API_SENT || message == API_FILE;
}

/* Does the contract have a ProgramId for it? */
static bool
states_programme(enum api_message message)
{
	return message == API_AVAILABLE || message == API_REDEEM || message == API_REVERSE;
}

/* Is the token for such calls?  No word of these is part of another. */
static bool
in_scope(const struct token_claims *who, enum api_message message)
{
	const char *word = message == API_REDEEM || message == API_ENTER || message == API_POINTS ? "redeem"
	                   : message == API_REVERSE                                               ? "reverse"
	                                                                                          : "read";

	return message == API_AUTHORIZE || who->scopes[0] == '\0' || strstr(who->scopes, word) != NULL;
}

/* Is it of a file that was let in: its end, or what is noted of it? */
static bool
goes_on(const struct call *c)
{
	return c->message == API_SENT || (c->message == API_AUTHORIZE && c->what.source != NULL);
}

/* Who asks?  False: the call is answered. */
static bool
admit(struct server *s, struct call *c)
{
	const char *wrong = token_read(s->keys, c->what.token, now_ms(CLOCK_REALTIME) / 1000, &c->who);

	/* a file that was let in is let in to its end, however long it took */
	if (wrong == token_expired && goes_on(c))
		wrong = NULL;
	if (wrong != NULL)
		call_answer(c, "401", wrong);
	else if (c->message != API_AUTHORIZE && is_of_files(c->message) != (c->who.source[0] != '\0'))
		call_answer(c, "403",
		            c->who.source[0] != '\0' ? "the token is for the files of a source, and nothing else"
		                                     : "the token is not for the files of a source");
	else if ((states_programme(c->message) || c->what.programme != 0) &&
	         c->what.programme != c->who.programme)
		call_answer(c, "403", "the token is of another programme");
	else if (!in_scope(&c->who, c->message))
		call_answer(c, "403", "the token is not for such calls");
	else if (c->what.member != NULL && !token_is_for(&c->who, c->what.member))
		call_answer(c, "403", "the token is of another member");
	else if ((c->message == API_POINTS || c->message == API_POINTS_BATCH) && c->what.member == NULL &&
	         c->who.member[0] != '\0')
		call_answer(c, "403", "the token is of a member, and this is of others, too");
	else if (c->message == API_ENTRIES && c->what.member == NULL && c->who.member[0] != '\0')
		call_answer(c, "403", "the token is of one member: ask for that member's");
	else if (c->message == API_ENTER && c->who.member[0] == '\0')
		call_answer(c, "403", "the token has to be of this member alone");
	else if (!goes_on(c) && /* one file is one call */
	         !rate_take(&s->calls, c->who.client, c->who.calls_per_minute, now_ms(CLOCK_MONOTONIC)))
		call_answer(c, "429", "too many calls in a minute");
	else
		return true;
	return false;
}

/* Bounded for all together, since anybody may ask under a client's name: a bound for each name would let whoever
 * knows it keep that client from its tokens. */
static bool
admit_login(struct server *s, struct call *c)
{
	if (s->queue.of_login < QUEUE_OF_LOGIN)
		return true;
	call_answer_later(c, "too many logins wait");
	return false;
}

/* Only the database knows the shop's tokens: whoever has none asks it, too, and takes nobody else's place. */
static bool
admit_shop(struct server *s, struct call *c)
{
	if (s->queue.of_shop < QUEUE_OF_SHOP)
		return true;
	call_answer_later(c, "too many calls of the shop wait");
	return false;
}

static bool
may_wait(struct server *s, struct call *c)
{
	if (call_is_of_shop(c))
		return admit_shop(s, c);
	return c->message == API_TOKEN ? admit_login(s, c) : admit(s, c);
}

static void
take(struct server *s, struct gate *g, const char *line, size_t len)
{
	char why[LIMIT_MESSAGE_BYTES];
	struct call *c = call_read(line, len, why, sizeof(why));

	if (c == NULL) {
		log_write(LOG_ERR, "a gate breaks the protocol", LOG_FIELDS(log_text("why", why)));
		leave(g);
		return;
	}
	c->gate = g->serial;
	if (s->queue.count >= QUEUE_CALLS)
		call_answer_later(c, "too many calls wait");
	else if (may_wait(s, c)) {
		queue_add(&s->queue, c, now_ms(CLOCK_MONOTONIC));
		return;
	}
	finish(s, c);
}

/* All packets that are there. */
static void
receive(struct server *s, struct gate *g)
{
	static char line[MESSAGE_BYTES + 2];
	struct pollfd p = {.fd = g->fd, .events = POLLIN};

	while (g->fd >= 0 && s->queue.count < QUEUE_CALLS && poll(&p, 1, 0) > 0) {
		size_t len;
		int got = channel_receive(g->fd, line, sizeof(line), &len, NULL);

		if (got > 0)
			take(s, g, line, len);
		else if (got == 0 || errno != EINTR)
			leave(g);
	}
}

/* ---- answers ---- */

static void
login(struct server *s, struct call *c)
{
	char token[API_TOKEN_BYTES + 1];
	struct token_claims claims;

	if (!authenticate_call(s->db, c, &claims)) {
		if (c->answer.status != 401)
			return;
		call_ask_again(c); /* it may be a sender */
		if (!authenticate_sender(s->db, c, &claims))
			return;
	}
	if (c->what.member != NULL)
		token_bind(&claims, c->what.member);
	claims.issued_s = now_ms(CLOCK_REALTIME) / 1000;
	claims.expires_s = claims.issued_s + TOKEN_LIFE_S;
	if (!token_make(s->keys, &claims, token, sizeof(token))) {
		call_answer(c, "997", "the token does not fit");
		return;
	}
	call_answer(c, "000", NULL);
	call_answer_value(c, API_VALUE_TEXT, token);
	c->answer.expires_s = claims.expires_s;
}

/* Answers, or is put back into the queue. */
static void
finish_or_wait(struct server *s, struct call *c, size_t together)
{
	if (c->answer.code == NULL && queue_put_back(&s->queue, c, now_ms(CLOCK_MONOTONIC)))
		return;
	if (c->answer.code == NULL)
		call_answer_later(c, "nothing was done: ask again");
	c->answer.batch = (int64_t) together;
	finish(s, c);
}

/* False: nothing can be asked now, and *ret_wait_ms says for how long. */
static bool
work(struct server *s, int *ret_wait_ms)
{
	struct call *batch[DATABASE_BATCH];
	size_t n = queue_take(&s->queue, now_ms(CLOCK_MONOTONIC), batch, ret_wait_ms);

	if (n == 0)
		return false;
	if (batch[0]->message == API_REDEEM)
		redeem_calls(s->db, batch, n);
	else if (batch[0]->message == API_AVAILABLE)
		available_calls(s->db, batch, n);
	else if (batch[0]->message == API_POINTS)
		points_calls(s->db, batch, n);
	else if (batch[0]->message == API_TOKEN)
		login(s, batch[0]);
	else if (batch[0]->message == API_SEND)
		send_call(s->db, batch[0], s->receive);
	else if (batch[0]->message == API_SENT)
		sent_call(s->db, batch[0]);
	else if (batch[0]->message == API_ENTER || call_is_of_shop(batch[0]))
		catalogue_call(s->db, batch[0]);
	else
		answer_call(s->db, batch[0]);
	for (size_t i = n; i-- > 0;)
		finish_or_wait(s, batch[i], n);
	return true;
}

/* ---- the loop ---- */

/* Waits so long for something to do; -1: for ever.  False: it cannot; *ret_stop: it shall end. */
static bool
wait_for_calls(struct server *s, int listener, int stop, int wait_ms, bool *ret_stop)
{
	struct pollfd p[SERVE_GATES + 2] = {{.fd = listener, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
	int ready;

	for (int i = 0; i < SERVE_GATES; i++)
		p[2 + i] = (struct pollfd){.fd = s->gates[i].fd, .events = POLLIN};
	ready = poll(p, SERVE_GATES + 2, wait_ms);
	if (ready < 0)
		return errno == EINTR;
	for (int i = 0; i < SERVE_GATES; i++)
		if (p[2 + i].revents != 0)
			receive(s, &s->gates[i]);
	if (p[0].revents != 0)
		accept_gate(s, listener);
	*ret_stop = p[1].revents != 0;
	return true;
}

int
serve(int listener, int stop, struct database *db, const struct token_keys *keys, const char *receive)
{
	static struct server s;
	bool stopping = false, fine = true;
	int error, wait_ms = -1;

	s = (struct server){.db = db, .keys = keys, .receive = receive};
	queue_init(&s.queue);
	for (int i = 0; i < SERVE_GATES; i++)
		s.gates[i].fd = -1;
	while (fine && !stopping) {
		fine = wait_for_calls(&s, listener, stop, wait_ms, &stopping);
		wait_ms = 0;
		(void) work(&s, &wait_ms);
	}
	error = errno;
	while (s.queue.first != NULL)
		if (!work(&s, &wait_ms))
			(void) poll(NULL, 0, wait_ms);
	for (int i = 0; i < SERVE_GATES; i++)
		if (s.gates[i].fd >= 0)
			leave(&s.gates[i]);
	errno = error;
	return fine ? 0 : -1;
}
