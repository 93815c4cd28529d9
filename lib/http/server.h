/*
 * What our programs that answer people's browsers have in common: evhttp behind callers.h, intake.h and fence.h, and
 * headers that every answer has.
 */
#ifndef HANDBACK_HTTP_SERVER_H
#define HANDBACK_HTTP_SERVER_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct server;

/* A whole request: who gets it answers it by server_send, once.  wrong: why it must not be looked at (400), or NULL. */
typedef void server_asked(void *context, struct evhttp_request *request, const char *wrong);

struct server_rule {
	ev_uint16_t methods; /* EVHTTP_REQ_GET ... */
	size_t body_bytes;
	bool plain; /* nobody speaks TLS in front */
};

/* listener stays the caller's; files: how many descriptors may be open, -1: no bound.  NULL without memory. */
struct server *server_new(struct event_base *base, int listener, int files, const struct server_rule *rule,
                          server_asked *asked, void *context);
void server_free(struct server *s); /* NULL is fine */

/* NULL: its browser is gone. */
struct bufferevent *server_stream(struct evhttp_request *request);
void server_header(struct evhttp_request *request, const char *name, const char *value);
/* Sends what is in the request's buffer, and writes a line of the log, without the query, which may name a member.  type
 * NULL: there is no content. */
void server_send(struct server *s, struct evhttp_request *request, int status, const char *type,
                 const struct timespec *began);

#endif
