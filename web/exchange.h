/* A request that waits for its page, and how it is answered: shared by the parts of web/http.c. */
#ifndef HANDBACK_WEB_EXCHANGE_H
#define HANDBACK_WEB_EXCHANGE_H

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <time.h>

#include "lib/http/server.h"
#include "web/sessions.h"

struct web {
	struct event_base *base;
	struct server *server;
	struct sessions *sessions;
	const char *desk;
	bool plain;
	size_t logins;
};

/* A request that waits for its page. */
struct exchange {
	struct web *web;
	struct evhttp_request *request;
	char cookie[SESSION_COOKIE_SIZE];
	struct timespec began;
	bool login;
};

/* ---- web/exchange.c ---- */

/* The session's cookie into x->cookie; "" for none. */
void exchange_read_cookie(struct exchange *x);
void exchange_set_cookie(struct exchange *x, const char *value);
void exchange_header(struct exchange *x, const char *name, const char *value);
/* Sends what is in the request's buffer, and frees x, as all below do. */
void exchange_send(struct exchange *x, int status, const char *type);
void exchange_text(struct exchange *x, int status, const char *type, const char *text);
void exchange_go_to(struct exchange *x, const char *path);
/* The page of whoever is not logged in: a sentence of ours, and with a code (hex and a dot) its form. */
void exchange_login(struct exchange *x, int status, const char *sentence, const char *code);

/* ---- web/login.c ---- */

void login_show(struct exchange *x, const char *query);
void login_take(struct exchange *x, const char *form);

#endif
