#include "web/exchange.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "web/web_text.h"

#define PLAIN_COOKIE "handback"
#define SECURE_COOKIE "__Host-handback"

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'";

struct bufferevent *
exchange_stream(struct evhttp_request *request)
{
	struct evhttp_connection *c = evhttp_request_get_connection(request);

	return c != NULL ? evhttp_connection_get_bufferevent(c) : NULL;
}

void
exchange_header(struct exchange *x, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(x->request), name, value);
}

/* One line in the log: no query, which may name a member. */
void
exchange_send(struct exchange *x, int status, const char *type)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(x->request);
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	log_write(LOG_INFO, "request",
	          LOG_FIELDS(log_text("path", uri != NULL ? evhttp_uri_get_path(uri) : NULL),
	                     log_int("status", status),
	                     log_int("us", (int64_t) (now.tv_sec - x->began.tv_sec) * 1000000 +
	                                       (now.tv_nsec - x->began.tv_nsec) / 1000)));
	if (type != NULL)
		exchange_header(x, "Content-Type", type);
	if (evhttp_find_header(evhttp_request_get_output_headers(x->request), "Cache-Control") == NULL)
		exchange_header(x, "Cache-Control", "no-store");
	exchange_header(x, "Content-Security-Policy", policy);
	exchange_header(x, "Referrer-Policy", "same-origin");
	exchange_header(x, "X-Content-Type-Options", "nosniff");
	exchange_header(x, "X-Frame-Options", "DENY");
	exchange_header(x, "Cross-Origin-Opener-Policy", "same-origin");
	exchange_header(x, "Cross-Origin-Resource-Policy", "same-origin");
	if (!x->web->plain)
		exchange_header(x, "Strict-Transport-Security", "max-age=31536000");
	exchange_header(x, "Connection", "close");
	if (exchange_stream(x->request) != NULL)
		intake_answered(x->web->intake, exchange_stream(x->request));
	evhttp_send_reply(x->request, status, NULL, NULL);
	free(x);
}

void
exchange_text(struct exchange *x, int status, const char *type, const char *text)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(x->request);

	evbuffer_add(out, text, strlen(text));
	exchange_send(x, status, type);
}

void
exchange_go_to(struct exchange *x, const char *path)
{
	exchange_header(x, "Location", path);
	exchange_send(x, 303, NULL);
}

void
exchange_login(struct exchange *x, int status, const char *sentence, const char *code)
{
	static const char mark[] = "{main}";
	struct evbuffer *out = evhttp_request_get_output_buffer(x->request);
	const char *at = strstr(web_login, mark);

	evbuffer_add(out, web_login, (size_t) (at - web_login));
	evbuffer_add_printf(out, "<p class=\"sentence\">%s</p>\n", sentence);
	if (code != NULL)
		evbuffer_add_printf(out,
		                    "<form method=\"post\" action=\"/login\"><input type=\"hidden\" name=\"code\" "
		                    "value=\"%s\"><button type=\"submit\">Log in</button></form>\n",
		                    code);
	at += sizeof(mark) - 1;
	evbuffer_add(out, at, strlen(at));
	exchange_send(x, status, "text/html; charset=utf-8");
}

void
exchange_set_cookie(struct exchange *x, const char *value)
{
	char text[200];

	snprintf(text, sizeof(text), "%s=%s; Path=/; %sHttpOnly; SameSite=Strict%s",
	         x->web->plain ? PLAIN_COOKIE : SECURE_COOKIE, value, x->web->plain ? "" : "Secure; ",
	         value[0] == '\0' ? "; Max-Age=0" : "");
	exchange_header(x, "Set-Cookie", text);
	explicit_bzero(text, sizeof(text));
}

void
exchange_read_cookie(struct exchange *x)
{
	const char *name = x->web->plain ? PLAIN_COOKIE : SECURE_COOKIE;
	const char *all = evhttp_find_header(evhttp_request_get_input_headers(x->request), "Cookie");
	size_t len = strlen(name);

	while (all != NULL && *all != '\0') {
		size_t one = strcspn(all, ";");

		if (one == len + 1 + SESSION_COOKIE_SIZE - 1 && strncmp(all, name, len) == 0 && all[len] == '=') {
			memcpy(x->cookie, all + len + 1, SESSION_COOKIE_SIZE - 1);
			return;
		}
		all += one;
		all += strspn(all, "; ");
	}
}
