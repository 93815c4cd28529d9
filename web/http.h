/* Browsers: their requests go through the fence to the session's desk, and its pages back. */
#ifndef HANDBACK_WEB_HTTP_H
#define HANDBACK_WEB_HTTP_H

#include <event2/event.h>
#include <stdbool.h>

struct web;

/* listener: a stream socket that listens, taken over; files: how many descriptors may be open; desk: where a
 * handback-desk listens; plain: nobody speaks TLS in front, and the cookie says so.  NULL without memory. */
struct web *web_new(struct event_base *base, int listener, int files, const char *desk, bool plain);
void web_free(struct web *w); /* NULL is fine */

#endif
