#include "web/desks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/protocol/channel.h"

#define WAITING 16  /* requests of one person */
#define ENTER_S 15  /* until somebody is in */
#define ANSWER_S 28 /* a desk that makes no page for so long is gone */

struct waiting {
	struct waiting *next;
	struct message_line line;
	int body; /* of an upload; -1: none */
	desk_paged *paged;
	void *context;
};

struct desk_link {
	int fd; /* -1: gone */
	int turn;
	struct event *readable;
	desk_entered *entered; /* NULL: it was called */
	void *context;
	struct waiting *first; /* is asked, where turn says so */
	size_t count;
	bool calling; /* within a callback, which may close it */
	bool closed;
};

static void
free_link(struct desk_link *l)
{
	if (l->readable != NULL)
		event_free(l->readable);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

static void
free_waiting(struct waiting *w)
{
	if (w->body >= 0)
		close(w->body);
	free(w);
}

/* Everybody who waits is told. */
static void
lose(struct desk_link *l, const char *why)
{
	if (l->readable != NULL)
		event_del(l->readable);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	while (l->first != NULL) {
		struct waiting *w = l->first;

		l->first = w->next;
		w->paged(w->context, NULL, -1);
		free_waiting(w);
	}
	if (l->entered != NULL) {
		desk_entered *entered = l->entered;

		l->entered = NULL;
		entered(l->context, NULL, why);
		l->closed = true;
	}
}

/* The contract is one request at a time: the first that waits. */
static void
ask_next(struct desk_link *l)
{
	const struct timeval patience = {.tv_sec = ANSWER_S};

	if (l->fd < 0 || l->first == NULL || l->turn != DESK_TURN_OPEN)
		return;
	if (channel_send(l->fd, l->first->line.text, l->first->line.length, l->first->body) < 0) {
		lose(l, NULL);
		return;
	}
	l->turn = DESK_TURN_ASKED;
	event_add(l->readable, &patience);
}

/* False: what it said is nothing that it may say. */
static bool
take(struct desk_link *l, char *line, int passed)
{
	char why[LIMIT_MESSAGE_BYTES];
	struct desk_answer answer;
	int message = desk_answer_decode(&answer, &l->turn, line, passed >= 0, why, sizeof(why));

	if (message == DESK_ENTERED) {
		desk_entered *entered = l->entered;

		l->entered = NULL;
		entered(l->context, l, NULL);
	} else if (message == DESK_REFUSED) {
		lose(l, answer.why);
	} else if (message == DESK_PAGE && l->first != NULL) {
		struct waiting *w = l->first;

		l->first = w->next;
		l->count--;
		w->paged(w->context, &answer, passed);
		free_waiting(w);
	} else {
		log_write(LOG_ERR, "a desk breaks the protocol", LOG_FIELDS(log_text("why", why)));
		return false;
	}
	return true;
}

static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	static char line[MESSAGE_BYTES + 2];
	const struct timeval ever = {.tv_sec = 24 * 60 * 60};
	struct desk_link *l = context;
	int passed = -1, got = -1;
	size_t len;

	if ((what & EV_TIMEOUT) == 0) {
		got = channel_receive(fd, line, sizeof(line), &len, &passed);
		if (got < 0 && errno == EAGAIN) {
			event_add(l->readable, l->turn == DESK_TURN_OPEN ? &ever : NULL);
			return;
		}
	}
	l->calling = true;
	if (got <= 0 || !take(l, line, passed))
		lose(l, "It is not known who you are: the desk does not answer.");
	if (passed >= 0)
		close(passed);
	if (l->fd >= 0 && !l->closed) {
		event_add(l->readable, &ever);
		ask_next(l);
	}
	l->calling = false;
	if (l->closed)
		free_link(l);
}

bool
desk_enter(struct event_base *base, const char *path, const struct desk_enter *who, desk_entered *entered,
           void *context)
{
	static struct message_line line;
	const struct timeval patience = {.tv_sec = ENTER_S};
	struct desk_link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return false;
	l->turn = DESK_TURN_NEW;
	l->fd = channel_connect(path);
	if (l->fd >= 0)
		l->readable = event_new(base, l->fd, EV_READ, on_readable, l);
	if (l->readable == NULL || !desk_enter_encode(&line, &l->turn, who) ||
	    channel_send(l->fd, line.text, line.length, -1) < 0) {
		log_write(LOG_ERR, "no desk can be asked", LOG_FIELDS(log_text("path", path), log_errno(errno)));
		free_link(l);
		return false;
	}
	explicit_bzero(line.text, sizeof(line.text));
	l->entered = entered;
	l->context = context;
	event_add(l->readable, &patience);
	return true;
}

bool
desk_ask(struct desk_link *l, const struct desk_ask *ask, desk_paged *paged, void *context)
{
	struct waiting *w, **end = &l->first;
	int turn = DESK_TURN_OPEN;

	if (l->fd < 0 || l->count >= WAITING || (w = calloc(1, sizeof(*w))) == NULL)
		return false;
	if (!desk_ask_encode(&w->line, &turn, ask)) {
		free(w);
		return false;
	}
	w->body = ask->type != NULL ? ask->body : -1;
	w->paged = paged;
	w->context = context;
	while (*end != NULL)
		end = &(*end)->next;
	*end = w;
	l->count++;
	if (!l->calling)
		ask_next(l);
	return true;
}

bool
desk_is_gone(const struct desk_link *l)
{
	return l->fd < 0;
}

void
desk_close(struct desk_link *l)
{
	if (l == NULL || l->closed)
		return;
	l->closed = true;
	if (l->calling) /* on_readable goes on with it, and frees it */
		return;
	lose(l, NULL);
	free_link(l);
}
