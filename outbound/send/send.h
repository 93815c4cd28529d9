/* One target that is told: what its parts share. */
#ifndef HANDBACK_OUTBOUND_SEND_SEND_H
#define HANDBACK_OUTBOUND_SEND_SEND_H

#include "lib/connector/connector.h"
#include "lib/connector/points.h"
#include "lib/protocol/send_job.h"
#include "outbound/send/http.h"

#define SEND_UNDER_WAY 8 /* deliveries at once: memory is bounded by them */

struct event_base;
struct event;
struct delivery;
struct points;
struct json;

struct send {
	struct event_base *base;
	int turn;
	struct send_job job;
	char *secret[SEND_CREDENTIALS]; /* as job.credential, NUL-ended */
	size_t secret_len[SEND_CREDENTIALS];
	struct connector *connector;
	struct http *http;

	struct delivery *first;
	struct points *first_points;
	size_t under_way; /* of both */

	/* the token of a login that has one */
	const struct connector_login *token_login; /* NULL: none has */
	char *token;                               /* NULL: there is none now */
	int64_t token_ends_s;                      /* 0: it was not told */
	bool token_asked;
	char *token_body;

	/* to the outbox: the channel never blocks */
	struct event *readable, *writable;
	struct channel_packets out;
	size_t out_sent;
	char fault[SEND_WHY_BYTES + 1]; /* not empty: it ends when this was told */
};

int64_t send_now_s(void);

/* The credential of this name; NULL: there is none. */
const char *send_secret(const struct send *s, const char *name);

/* A target's word as it may be kept: text itself, or, where it repeats a credential or the token, a sentence
 * instead. */
const char *send_hide(const struct send *s, const char *text);

/* Queues a report, its words hidden where they have to be.  The end of the process where it cannot be. */
void send_report(struct send *s, enum send_message message, const struct send_report *report);
/* The target cannot be used: the last word, once. */
void send_fault(struct send *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- deliver.c ---- */

/* Takes the objects over (a list of delivery->objects), and sends the request or has it wait for the token.
 */
void deliver(struct send *s, const struct send_delivery *delivery, enum connector_kind kind,
             struct json *objects);
/* Those that waited: they are sent with the token; or, where there is none (why), end so. */
/* Can the connector take this step, with what is known of its job?  True of one that is no job's. */
bool deliver_knows_step(const struct send *s, const struct send_delivery *delivery, enum connector_kind kind);
void deliver_waiting(struct send *s, enum send_result result, int64_t wait_s, const char *why);

/* ---- points.c ---- */

/* One request that moves points, or the question for it: the text of its object is taken over. */
void points_deliver(struct send *s, const struct send_delivery *delivery, char *object);
/* As deliver_waiting. */
void points_waiting(struct send *s, enum send_result result, int64_t wait_s, const char *why);

/* ---- token.c ---- */

/* Is there a token that holds? */
bool token_is_there(struct send *s);
/* Asks for one, unless it was asked for; deliver_waiting follows. */
void token_ask(struct send *s);
/* This one was refused. */
void token_forget(struct send *s, const char *token);

/* ---- request.c ---- */

struct request {
	char *url, *body;
	size_t length;
	char **header; /* "Name: value", NULL-ended */
	size_t header_count;
	const char *method;
	bool is_xml;
};

/* Which request it is: one that tells, one that asks (reads), or a step of a job. */
struct request_form {
	enum connector_kind kind;
	bool reads;
	enum connector_step step;
	const char *job; /* of a step behind its creation */
};

/* What tells of these objects, or asks for them, with its logins.  False with a sentence in why[]; freed in
 * either case by request_free. */
bool request_compose(const struct send *s, const struct request_form *form, const struct json *const *objects,
                     size_t count, struct request *ret, char *why, size_t why_size);
/* The same of a points request. */
bool request_compose_points(const struct send *s, enum points_step step, const struct json *object,
                            struct request *ret, char *why, size_t why_size);
void request_free(struct request *r);
bool request_add_header(struct request *r, const char *name, const char *begins, const char *value);
bool request_add_basic(struct request *r, const char *user, const char *secret);
/* A sentence where a credential is missing or is not of the login's kind; NULL: they are fine. */
const char *request_check_logins(const struct send *s, char *buf, size_t size);

#endif
