/* The network's face: takes requests, lets them through the fence, asks, answers. */
#ifndef HANDBACK_GATE_HTTP_H
#define HANDBACK_GATE_HTTP_H

#include <event2/event.h>
#include <stdbool.h>

#include "gate/backend.h"

struct http;

/* listener: a stream socket that listens; taken over.  trusted: who connects is a proxy that frames requests
 * as we do, and may send several over one connection.  files: how many descriptors may be open; callers take
 * some hundred less.  NULL without memory. */
struct http *http_new(struct event_base *base, int listener, bool trusted, int files,
                      struct backend *backend);
/* Counts of what is served, at another socket that listens; taken over.  False without memory. */
bool http_metrics(struct http *h, struct event_base *base, int listener);
void http_free(struct http *h); /* NULL is fine */

/* Takes no more connections; *ret: none of the requests waits for its answer. */
void http_drain(struct http *h);
bool http_idle(const struct http *h);

#endif
