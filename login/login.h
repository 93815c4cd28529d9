/* handback-login: a visit of somebody who wants in, who vouches, and the link that they get. */
#ifndef HANDBACK_LOGIN_LOGIN_H
#define HANDBACK_LOGIN_LOGIN_H

#include <event2/http.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "lib/config/config.h"
#include "lib/db/pg.h"
#include "lib/http/server.h"

#define LOGIN_NAME_BYTES 255 /* of a name that a proxy or provider gives */

struct login {
	struct event_base *base;
	struct server *server;
	const struct config *config;
	struct pg *pg;
	uid_t proxy; /* whose connections are heard: login.proxy.user */
	int code;    /* to end with */
};

/* A request that waits for its answer. */
struct visit {
	struct login *login;
	struct evhttp_request *request;
	struct timespec began;
};

/* ---- login/visit.c ---- */

/* Serves what login is filled with, until it is to end; its exit code. */
int login_serve(struct login *l, int listener, int files);
/* The one header of this name; NULL: there is none, or (*ret_many) there are several. */
const char *visit_header(const struct visit *v, const char *name, bool *ret_many);
/* All that follow answer, and free v.  The sentence is ours, and is HTML. */
void visit_page(struct visit *v, int status, const char *sentence);
void visit_go(struct visit *v, const char *url);

/* ---- login/proxy.c ---- */

/* GET /login/proxy: whoever the proxy's header names. */
void proxy_visit(struct visit *v);

/* ---- login/link.c ---- */

/* What somebody vouches for. */
struct voucher {
	const char *way;      /* "proxy" */
	const char *name;     /* of the person, there */
	const char *roles;    /* which the person may be in: "{operator,finance}" */
	int64_t showed_it_at; /* seconds since 1970; 0: nobody said */
};

/* Answers the visit with a link for that person, or with why there is none. */
void link_give(struct visit *v, const struct voucher *voucher);

#endif
