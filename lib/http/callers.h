/*
 * Who is connected, and for how long: evhttp's own timeout is between two bytes, so that one byte a second
 * would keep a connection for ever, and callers without end would take the descriptors by which work goes on.
 */
#ifndef HANDBACK_HTTP_CALLERS_H
#define HANDBACK_HTTP_CALLERS_H

#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/http/intake.h"

#define CALLERS_READ_S 10  /* until a whole request is there */
#define CALLERS_WHOLE_S 30 /* until it is answered */

struct callers;

/* listener: the caller's, as evhttp accepts from it; files: how many descriptors may be open (-1: no bound);
 * callers take some hundred less.  intake hears which descriptors are whose.  is_other, which may be NULL: is
 * this connection somebody else's to end?  NULL without memory. */
struct callers *callers_new(struct event_base *base, int listener, int files, struct intake *intake,
                            bool (*is_other)(void *context, int fd), void *context);
void callers_free(struct callers *c); /* NULL is fine */

/* From now on looked at every second; NULL: no more are taken. */
void callers_watch(struct callers *c, struct evhttp_bound_socket *bound);
/* One comes: where there is no room for another, who connects next waits. */
void callers_came(struct callers *c);
/* Its whole request has come (NULL: it is gone); again: it may send another, and its time begins again. */
void callers_asked(struct callers *c, struct bufferevent *stream, bool again);
/* How many are connected. */
size_t callers_count(const struct callers *c);

#endif
