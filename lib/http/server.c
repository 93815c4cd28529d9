#include "lib/http/server.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/log.h"
#include "lib/http/callers.h"
#include "lib/http/fence.h"
#include "lib/http/intake.h"

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'";

struct server {
	struct evhttp *evhttp;
	struct callers *callers;
	struct intake *intake;
	server_asked *asked;
	void *context;
	bool plain;
};

/* ---- answers ---- */

struct bufferevent *
server_stream(struct evhttp_request *request)
{
	struct evhttp_connection *c = evhttp_request_get_connection(request);

	return c != NULL ? evhttp_connection_get_bufferevent(c) : NULL;
}

void
server_header(struct evhttp_request *request, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

static void
add_headers(const struct server *s, struct evhttp_request *request, const char *type)
{
	if (type != NULL)
		server_header(request, "Content-Type", type);
	if (evhttp_find_header(evhttp_request_get_output_headers(request), "Cache-Control") == NULL)
		server_header(request, "Cache-Control", "no-store");
	server_header(request, "Content-Security-Policy", policy);
	server_header(request, "Referrer-Policy", "same-origin");
	server_header(request, "X-Content-Type-Options", "nosniff");
	server_header(request, "X-Frame-Options", "DENY");
	server_header(request, "Cross-Origin-Opener-Policy", "same-origin");
	server_header(request, "Cross-Origin-Resource-Policy", "same-origin");
	if (!s->plain)
		server_header(request, "Strict-Transport-Security", "max-age=31536000");
	server_header(request, "Connection", "close");
}

void
server_send(struct server *s, struct evhttp_request *request, int status, const char *type,
            const struct timespec *began)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	log_write(LOG_INFO, "request",
	          LOG_FIELDS(log_text("path", uri != NULL ? evhttp_uri_get_path(uri) : NULL),
	                     log_int("status", status),
	                     log_int("us", (int64_t) (now.tv_sec - began->tv_sec) * 1000000 +
	                                       (now.tv_nsec - began->tv_nsec) / 1000)));
	add_headers(s, request, type);
	if (server_stream(request) != NULL)
		intake_answered(s->intake, server_stream(request));
	evhttp_send_reply(request, status, NULL, NULL);
}

/* ---- requests ---- */

static void
on_request(struct evhttp_request *request, void *context)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL, *wrong = fence_refuses(request);
	struct server *s = context;

	callers_asked(s->callers, server_stream(request), false);
	if (wrong == NULL && (path == NULL || path[0] != '/' || evhttp_uri_get_host(uri) != NULL))
		wrong = "the request's target is no path";
	s->asked(s->context, request, wrong);
}

/* Of what came, before evhttp has read it: nothing more comes in, and evhttp closes it. */
static void
refuse_bytes(void *context, struct bufferevent *stream, const char *code, const char *why)
{
	const char *line = strcmp(code, "503") == 0 ? "503 Service Unavailable" : "400 Bad Request";
	struct evbuffer *in = bufferevent_get_input(stream), *out = evbuffer_new();

	(void) context;
	log_write(LOG_INFO, "request refused", LOG_FIELDS(log_text("why", why)));
	if (out != NULL) {
		evbuffer_add_printf(out, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", line);
		(void) evbuffer_write(out, bufferevent_getfd(stream)); /* its first bytes: there is room */
		evbuffer_free(out);
	}
	evbuffer_drain(in, evbuffer_get_length(in));
	shutdown(bufferevent_getfd(stream), SHUT_RDWR);
}

static struct bufferevent *
on_connection(struct event_base *base, void *context)
{
	struct server *s = context;
	struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	callers_came(s->callers);
	if (stream != NULL)
		intake_watch(s->intake, stream);
	return stream;
}

struct server *
server_new(struct event_base *base, int listener, int files, const struct server_rule *rule,
           server_asked *asked, void *context)
{
	struct server *s = calloc(1, sizeof(*s));
	struct evhttp_bound_socket *bound = NULL;

	if (s == NULL)
		return NULL;
	*s = (struct server){.evhttp = evhttp_new(base), .intake = intake_new(refuse_bytes, s)};
	s->asked = asked;
	s->context = context;
	s->plain = rule->plain;
	if (s->intake != NULL)
		s->callers = callers_new(base, listener, files, s->intake, NULL, NULL);
	if (s->evhttp != NULL && s->callers != NULL) {
		evhttp_set_max_headers_size(s->evhttp, FENCE_HEADER_BYTES);
		evhttp_set_max_body_size(s->evhttp, (ev_ssize_t) rule->body_bytes);
		evhttp_set_timeout(s->evhttp, CALLERS_WHOLE_S);
		evhttp_set_allowed_methods(s->evhttp, rule->methods);
		evhttp_set_default_content_type(s->evhttp, NULL);
		evhttp_set_gencb(s->evhttp, on_request, s);
		evhttp_set_bevcb(s->evhttp, on_connection, s);
		bound = evhttp_accept_socket_with_handle(s->evhttp, listener);
	}
	if (bound != NULL) {
		callers_watch(s->callers, bound);
		return s;
	}
	server_free(s);
	return NULL;
}

void
server_free(struct server *s)
{
	if (s == NULL)
		return;
	callers_free(s->callers);
	if (s->evhttp != NULL)
		evhttp_free(s->evhttp);
	intake_free(s->intake);
	free(s);
}
