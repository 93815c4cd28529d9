#include "lib/http/callers.h"

#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/log.h"

#define SPARE 256 /* descriptors, for what is no caller: processes of ours, files on their way */

/* A descriptor that was a connection at the last look. */
struct seen {
	uint64_t cookie; /* of the socket; 0: none */
	int seconds;
	bool asked; /* a whole request has come */
};

struct callers {
	struct evhttp_bound_socket *bound;
	struct event *tick;
	struct intake *intake;
	bool (*is_other)(void *context, int fd);
	void *context;
	int listener, most; /* so many descriptors, and no caller more */
	struct seen seen[INTAKE_SOCKETS];
};

static bool
is_connection(const struct callers *c, int fd)
{
	int type = 0, listens = 1;
	socklen_t len = sizeof(type);

	/* what we connect to ourselves is of another type */
	return fd != c->listener && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_STREAM && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 &&
	       listens == 0;
}

/* Is room for one more caller?  The lowest free descriptor says how many are open. */
static bool
has_room(const struct callers *c)
{
	int free_one = fcntl(c->listener, F_DUPFD_CLOEXEC, 3);

	if (free_one >= 0)
		close(free_one);
	return free_one >= 0 && free_one < c->most;
}

/* Looked at by descriptor and cookie, since nothing tells us when evhttp closes one. */
static void
on_tick(evutil_socket_t none, short what, void *context)
{
	const struct timeval second = {.tv_sec = 1};
	struct callers *c = context;

	(void) none, (void) what;
	for (int fd = 3; fd < INTAKE_SOCKETS; fd++) {
		struct seen *s = &c->seen[fd];
		uint64_t cookie = intake_cookie(fd);

		intake_look(c->intake, fd, cookie);
		if (cookie == 0 || cookie != s->cookie || !is_connection(c, fd) ||
		    (c->is_other != NULL && c->is_other(c->context, fd))) {
			*s = (struct seen){.cookie = cookie};
			continue;
		}
		if (++s->seconds > (s->asked ? CALLERS_WHOLE_S : CALLERS_READ_S)) {
			log_write(LOG_INFO, "a connection took too long", NULL);
			shutdown(fd, SHUT_RDWR);
		}
	}
	if (c->bound != NULL && has_room(c))
		evconnlistener_enable(evhttp_bound_socket_get_listener(c->bound));
	event_add(c->tick, &second);
}

struct callers *
callers_new(struct event_base *base, int listener, int files, struct intake *intake,
            bool (*is_other)(void *context, int fd), void *context)
{
	struct callers *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->most = files > 0 && files < INTAKE_SOCKETS ? files : INTAKE_SOCKETS;
	c->most -= c->most >= 4 * SPARE ? SPARE : c->most / 4;
	c->listener = listener;
	c->intake = intake;
	c->is_other = is_other;
	c->context = context;
	c->tick = evtimer_new(base, on_tick, c);
	if (c->tick != NULL)
		return c;
	free(c);
	return NULL;
}

void
callers_free(struct callers *c)
{
	if (c == NULL)
		return;
	event_free(c->tick);
	free(c);
}

void
callers_watch(struct callers *c, struct evhttp_bound_socket *bound)
{
	c->bound = bound;
	if (bound != NULL)
		on_tick(-1, 0, c);
}

void
callers_came(struct callers *c)
{
	if (c->bound == NULL || has_room(c))
		return;
	log_write(LOG_WARNING, "no more connections are taken until some end", NULL);
	evconnlistener_disable(evhttp_bound_socket_get_listener(c->bound));
}

void
callers_asked(struct callers *c, struct bufferevent *stream, bool again)
{
	int fd = stream != NULL ? bufferevent_getfd(stream) : -1;

	if (fd < 0 || fd >= INTAKE_SOCKETS)
		return;
	if (c->seen[fd].cookie != intake_cookie(fd))
		c->seen[fd] = (struct seen){.cookie = intake_cookie(fd)};
	c->seen[fd].asked = true;
	if (again)
		c->seen[fd].seconds = 0;
}

size_t
callers_count(const struct callers *c)
{
	size_t count = 0;

	for (int fd = 3; fd < INTAKE_SOCKETS; fd++)
		count += is_connection(c, fd);
	return count;
}
