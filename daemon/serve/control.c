#include "daemon/serve/control.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <fcntl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "daemon/serve/answer.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/json/json.h"
#include "lib/protocol/control_client.h"

#define CLIENTS 32
#define LINE_BYTES 256
#define IDLE_S 60 /* a client that neither asks nor waits is let go */

struct client {
	struct control *control;
	struct bufferevent *stream;
	int turn;                    /* enum control_turn */
	struct engine_totals before; /* when it began to wait */
	LIST_ENTRY(client) others;
};

struct control {
	struct event_base *base;
	char path[sizeof(((struct sockaddr_un *) 0)->sun_path)];
	int fd;
	struct event *acceptable, *again;
	struct engine *engine;
	const struct control_calls *calls;
	void *context;
	size_t count;
	LIST_HEAD(, client) clients;
};

static void
close_client(struct client *client)
{
	struct control *c = client->control;

	LIST_REMOVE(client, others);
	if (c->count-- == CLIENTS) /* whoever waited for a place may have it */
		event_add(c->acceptable, NULL);
	bufferevent_free(client->stream); /* closes its socket */
	free(client);
}

static void
answer_text(struct evbuffer *out, const char *key, const char *text)
{
	struct json_build j = {0};

	json_open_map(&j, NULL);
	json_text(&j, key, text);
	json_close(&j);
	answer_json(out, &j);
}

/* What was done since it began to wait. */
static void
answer_wait(struct client *client)
{
	const struct engine *e = client->control->engine;
	const struct engine_totals *now = &e->totals, *before = &client->before;
	const struct control_done done = {.posted = (int64_t) (now->posted - before->posted),
	                                  .held = (int64_t) (now->held - before->held),
	                                  .duplicate = (int64_t) (now->duplicate - before->duplicate),
	                                  .held_records = (int64_t) (now->held_records - before->held_records),
	                                  .waiting = (int64_t) engine_waiting(e),
	                                  .sources_failing = (int64_t) engine_failing(e)};
	struct json_build j = {0};

	control_done_encode(&j, &done);
	answer_json(bufferevent_get_output(client->stream), &j);
	client->turn = CONTROL_TURN_OPEN;
	/* what it asked meanwhile */
	bufferevent_trigger(client->stream, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static void
answer(struct client *client, char *line)
{
	struct control *c = client->control;
	struct evbuffer *out = bufferevent_get_output(client->stream);
	char why[LIMIT_MESSAGE_BYTES];

	switch (contract_decode(&control_contract, true, &client->turn, line, false, NULL, why, sizeof(why))) {
	case CONTROL_STATUS:
		c->calls->status(c->context, out);
		break;
	case CONTROL_RESCAN:
		engine_scan(c->engine);
		answer_text(out, "rescan", "started");
		break;
	case CONTROL_WAIT:
		client->before = c->engine->totals;
		engine_scan(c->engine);
		control_changed(c);
		break;
	default:
		answer_text(out, "error", "ask for status, rescan or wait");
	}
}

static void
on_line(struct bufferevent *stream, void *context)
{
	struct client *client = context;
	struct evbuffer *in = bufferevent_get_input(stream);
	char *line;

	while (client->turn == CONTROL_TURN_OPEN &&
	       (line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF)) != NULL) {
		answer(client, line);
		free(line);
	}
	if (evbuffer_get_length(in) > LINE_BYTES)
		close_client(client);
}

static void
on_flushed(struct bufferevent *stream, void *context)
{
	(void) stream;
	close_client(context);
}

static void
on_end(struct bufferevent *stream, short what, void *context)
{
	const struct client *client = context;

	/* it waits for us, however long that takes */
	if ((what & BEV_EVENT_TIMEOUT) != 0 && client->turn == CONTROL_TURN_WAITING) {
		bufferevent_enable(stream, EV_READ | EV_WRITE);
		return;
	}
	/* one that only stopped asking may still want the answer to what it asked */
	if ((what & BEV_EVENT_EOF) != 0 && evbuffer_get_length(bufferevent_get_output(stream)) > 0)
		bufferevent_setcb(stream, NULL, on_flushed, on_end, context);
	else
		close_client(context);
}

void
control_changed(struct control *c)
{
	if (!c->engine->was_ready || !engine_is_quiet(c->engine))
		return;
	for (struct client *client = LIST_FIRST(&c->clients); client != NULL; client = LIST_NEXT(client, others))
		if (client->turn == CONTROL_TURN_WAITING)
			answer_wait(client);
}

static void
on_acceptable(evutil_socket_t listener, short what, void *context)
{
	const struct timeval idle = {IDLE_S, 0};
	struct control *c = context;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;

	(void) what;
	if (fd < 0) {
		/* without descriptors the listener would be ready for ever: look again in a while */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			loop_after(c->again, 1000);
		else
			event_add(c->acceptable, NULL);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (client == NULL ||
	    (client->stream = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE)) == NULL) {
		free(client);
		close(fd);
		event_add(c->acceptable, NULL);
		return;
	}
	client->control = c;
	if (++c->count < CLIENTS) /* else the next ones wait in the listener's queue until one leaves */
		event_add(c->acceptable, NULL);
	LIST_INSERT_HEAD(&c->clients, client, others);
	bufferevent_setcb(client->stream, on_line, NULL, on_end, client);
	bufferevent_priority_set(client->stream, LOOP_SCANS);
	bufferevent_setwatermark(client->stream, EV_READ, 0, 4 * LINE_BYTES);
	bufferevent_set_timeouts(client->stream, &idle, &idle);
	bufferevent_enable(client->stream, EV_READ | EV_WRITE);
}

static void
on_again(evutil_socket_t fd, short what, void *context)
{
	struct control *c = context;

	(void) fd;
	(void) what;
	event_add(c->acceptable, NULL);
}

/* Does somebody listen there? */
static bool
is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive = fd >= 0 && connect(fd, (const struct sockaddr *) address, sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return alive;
}

/* The directory that it lies in, where it is missing. */
static void
make_parent(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *) 0)->sun_path)];
	char *slash;
	int fd;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL || slash == dir)
		return;
	*slash = '\0';
	fd = io_make_dirs(AT_FDCWD, dir, 0750);
	if (fd >= 0)
		close(fd);
}

/* A listening socket at the path, or -1 and a message. */
static int
listen_at(const char *path, char *why, size_t why_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int bound;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	make_parent(path);
	if (is_alive(&address)) {
		snprintf(why, why_size, "control: another handbackd listens at %s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	unlink(path);
	mask = umask(0177); /* 0600 from the first moment */
	bound = fd < 0 ? -1 : bind(fd, (const struct sockaddr *) &address, sizeof(address));
	umask(mask);
	if (bound == 0 && listen(fd, CLIENTS) == 0)
		return fd;
	snprintf(why, why_size, "control: %s: %s", path, strerrordesc_np(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

struct control *
control_new(struct event_base *base, const char *path, struct engine *engine,
            const struct control_calls *calls, void *context, char *why, size_t why_size)
{
	struct control *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	*c = (struct control){.base = base, .engine = engine, .calls = calls, .context = context};
	LIST_INIT(&c->clients);
	c->fd = listen_at(path, why, why_size);
	if (c->fd < 0) {
		free(c);
		return NULL;
	}
	snprintf(c->path, sizeof(c->path), "%s", path);
	c->acceptable = event_new(base, c->fd, EV_READ, on_acceptable, c);
	c->again = evtimer_new(base, on_again, c);
	if (c->acceptable == NULL || c->again == NULL || event_priority_set(c->acceptable, LOOP_SCANS) < 0 ||
	    event_add(c->acceptable, NULL) < 0) {
		snprintf(why, why_size, "out of memory");
		control_free(c);
		return NULL;
	}
	return c;
}

void
control_free(struct control *c)
{
	if (c == NULL)
		return;
	while (!LIST_EMPTY(&c->clients))
		close_client(LIST_FIRST(&c->clients));
	if (c->acceptable != NULL)
		event_free(c->acceptable);
	if (c->again != NULL)
		event_free(c->again);
	unlink(c->path);
	close(c->fd);
	free(c);
}
