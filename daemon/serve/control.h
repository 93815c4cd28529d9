/* The control socket, the daemon's side of lib/protocol/control_client.h.  What is no question gets {"error":
 * "..."}. */
#ifndef HANDBACK_DAEMON_SERVE_CONTROL_H
#define HANDBACK_DAEMON_SERVE_CONTROL_H

#include <event2/buffer.h>
#include <event2/event.h>

#include "daemon/engine.h"

struct control;

struct control_calls {
	void (*status)(void *context, struct evbuffer *out);
};

/* NULL and a message in why[] when the socket cannot be made; one that nobody listens on is replaced. */
struct control *control_new(struct event_base *base, const char *path, struct engine *engine,
                            const struct control_calls *calls, void *context, char *why, size_t why_size);
void control_free(struct control *c); /* removes the socket; NULL is fine */

/* Something changed: those who wait may have their answer. */
void control_changed(struct control *c);

#endif
