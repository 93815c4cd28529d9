#include "api/serve.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "api/files.h"
#include "api/rate.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/protocol/channel.h"

#define SEND_S 5 /* a gate that takes no answers for so long is gone */
#define TOKENS_PER_MINUTE 1200

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
	struct call *first, **end; /* what waits, in the order that it came */
	size_t waiting;
	struct rate rate;
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

/* Is the token for such calls?  No word of these is part of another. */
static bool
in_scope(const struct token_claims *who, enum api_message message)
{
	const char *word = message == API_REDEEM ? "redeem" : message == API_REVERSE ? "reverse" : "read";

	return message == API_AUTHORIZE || who->scopes[0] == '\0' || strstr(who->scopes, word) != NULL;
}

/* Who asks?  False: the call is answered. */
static bool
admit(struct server *s, struct call *c)
{
	const char *wrong = token_read(s->keys, c->what.token, now_ms(CLOCK_REALTIME) / 1000, &c->who);

	/* a file that was let in is let in to its end, however long it took */
	if (wrong == token_expired && c->message == API_SENT)
		wrong = NULL;
	if (wrong != NULL)
		call_answer(c, "401", wrong);
	else if (c->message != API_AUTHORIZE && is_of_files(c->message) != (c->who.source[0] != '\0'))
		call_answer(c, "403",
		            c->who.source[0] != '\0' ? "the token is for the files of a source, and nothing else"
		                                     : "the token is not for the files of a source");
	else if (c->what.programme != 0 && c->what.programme != c->who.programme)
		call_answer(c, "403", "the token is of another programme");
	else if (!in_scope(&c->who, c->message))
		call_answer(c, "403", "the token is not for such calls");
	else if (c->what.member != NULL && !token_is_for(&c->who, c->what.member))
		call_answer(c, "403", "the token is of another member");
	else if (c->message != API_SENT && /* one file is one call */
	         !rate_take(&s->rate, c->who.client, c->who.calls_per_minute, now_ms(CLOCK_MONOTONIC)))
		call_answer(c, "429", "too many calls in a minute");
	else
		return true;
	return false;
}

static bool
admit_login(struct server *s, struct call *c)
{
	char name[80];

	snprintf(name, sizeof(name), "=%.60s", c->what.client_id); /* beside the calls of the same client */
	if (rate_take(&s->rate, name, TOKENS_PER_MINUTE, now_ms(CLOCK_MONOTONIC)))
		return true;
	call_answer(c, "429", "too many tokens asked for");
	return false;
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
	if (s->waiting >= SERVE_WAITING)
		call_answer_later(c, "too many calls wait");
	else if (c->message == API_TOKEN ? admit_login(s, c) : admit(s, c)) {
		*s->end = c;
		s->end = &c->next;
		s->waiting++;
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

	while (g->fd >= 0 && s->waiting < SERVE_WAITING && poll(&p, 1, 0) > 0) {
		size_t len;
		int got = channel_receive(g->fd, line, sizeof(line), &len, NULL);

		if (got > 0)
			take(s, g, line, len);
		else if (got == 0 || errno != EINTR)
			leave(g);
	}
}

/* ---- answers ---- */

/* May it be in one transaction with those?  And what is left behind: nothing of its member may overtake it.
 */
static bool
clashes(const struct call *c, struct call *const *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct call *o = calls[i];

		if (c->who.programme == o->who.programme && strcmp(c->what.member, o->what.member) == 0)
			return true;
		if (c->what.key != NULL && o->what.key != NULL && strcmp(c->what.key, o->what.key) == 0 &&
		    strcmp(c->who.client, o->who.client) == 0)
			return true;
	}
	return false;
}

static void
unlink_call(struct server *s, struct call **place)
{
	struct call *c = *place;

	*place = c->next;
	if (s->end == &c->next)
		s->end = place;
	s->waiting--;
}

/* Takes from the queue all that can be asked with its first. */
static size_t
gather(struct server *s, struct call *batch[DATABASE_BATCH])
{
	struct call *passed[DATABASE_BATCH];
	enum api_message message = s->first->message;
	bool together = message == API_REDEEM || message == API_AVAILABLE;
	size_t n = 0, left = 0;

	for (struct call **place = &s->first;
	     *place != NULL && n < DATABASE_BATCH && left < DATABASE_BATCH && (n == 0 || together);) {
		struct call *c = *place;

		if (c->message != message) {
			place = &c->next;
		} else if (message == API_REDEEM && (clashes(c, batch, n) || clashes(c, passed, left))) {
			passed[left++] = c;
			place = &c->next;
		} else {
			batch[n++] = c;
			unlink_call(s, place);
		}
	}
	return n;
}

static void
login(struct server *s, struct call *c)
{
	char token[API_TOKEN_BYTES + 1];
	struct token_claims claims;

	if (!authenticate_call(s->db, c, &claims) &&
	    (c->answer.status != 401 || !authenticate_sender(s->db, c, &claims)))
		return;
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

static void
work(struct server *s)
{
	struct call *batch[DATABASE_BATCH];
	size_t n = gather(s, batch);

	if (batch[0]->message == API_REDEEM)
		redeem_calls(s->db, batch, n);
	else if (batch[0]->message == API_AVAILABLE)
		available_calls(s->db, batch, n);
	else if (batch[0]->message == API_TOKEN)
		login(s, batch[0]);
	else if (batch[0]->message == API_SEND)
		send_call(s->db, batch[0], s->receive);
	else if (batch[0]->message == API_SENT)
		sent_call(s->db, batch[0]);
	else
		answer_call(s->db, batch[0]);
	for (size_t i = 0; i < n; i++) {
		batch[i]->answer.batch = (int64_t) n;
		finish(s, batch[i]);
	}
}

/* ---- the loop ---- */

/* Waits where nothing is to be done.  False: it cannot; *ret_stop: it shall end. */
static bool
wait_for_calls(struct server *s, int listener, int stop, bool *ret_stop)
{
	struct pollfd p[SERVE_GATES + 2] = {{.fd = listener, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
	int ready;

	for (int i = 0; i < SERVE_GATES; i++)
		p[2 + i] = (struct pollfd){.fd = s->gates[i].fd, .events = POLLIN};
	ready = poll(p, SERVE_GATES + 2, s->first != NULL ? 0 : -1);
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
	int error;

	s = (struct server){.db = db, .keys = keys, .receive = receive, .end = &s.first};
	for (int i = 0; i < SERVE_GATES; i++)
		s.gates[i].fd = -1;
	while (fine && !stopping) {
		fine = wait_for_calls(&s, listener, stop, &stopping);
		if (s.first != NULL)
			work(&s);
	}
	error = errno;
	while (s.first != NULL)
		work(&s);
	for (int i = 0; i < SERVE_GATES; i++)
		if (s.gates[i].fd >= 0)
			leave(&s.gates[i]);
	errno = error;
	return fine ? 0 : -1;
}
