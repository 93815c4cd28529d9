#include "web/exchange.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/web_text.h"

#define PLAIN_COOKIE "handback"
#define SECURE_COOKIE "__Host-handback"

void
exchange_header(struct exchange *x, const char *name, const char *value)
{
	server_header(x->request, name, value);
}

void
exchange_send(struct exchange *x, int status, const char *type)
{
	server_send(x->web->server, x->request, status, type, &x->began);
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
