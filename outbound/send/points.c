/* A points request's way: what it needs first, the request itself once, or the question for it; judged,
 * settled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/secret.h"
#include "lib/json/json.h"
#include "outbound/send/send.h"

struct points {
	struct send *send;
	struct points *next;
	int64_t number;
	enum points_step step;
	char *text; /* its object */
	struct json *object;
	struct request request;
	char *token; /* that it was sent with */
	bool waits;  /* for a token */
	bool renewed;
};

static const enum send_outcome outcome_of[POINTS_RESULTS] = {
    [POINTS_CREDITED] = SEND_CREDITED,  [POINTS_PENDING] = SEND_PENDING, [POINTS_REJECTED] = SEND_REJECTED,
    [POINTS_NOT_TAKEN] = SEND_NOT_SENT, [POINTS_STOP] = SEND_STOPPED,    [POINTS_EXISTS] = SEND_EXISTS,
    [POINTS_MISSING] = SEND_MISSING,    [POINTS_DIFFERS] = SEND_DIFFERS, [POINTS_UNKNOWN] = SEND_UNKNOWN,
};

static void
points_free(struct points *p)
{
	struct points **at = &p->send->first_points;

	while (*at != NULL && *at != p)
		at = &(*at)->next;
	if (*at == p) {
		*at = p->next;
		p->send->under_way--;
	}
	request_free(&p->request);
	json_free(p->object);
	free(p->text);
	secret_free(p->token);
	free(p);
}

static void
settle(struct points *p, enum send_outcome outcome, const char *why, int64_t wait_s)
{
	send_report(p->send, SEND_SETTLED,
	            &(const struct send_report){.delivery = p->number,
	                                        .outcome = outcome,
	                                        .why = why != NULL && why[0] != '\0' ? why : NULL,
	                                        .wait_s = wait_s});
	points_free(p);
}

/* Of what was not sent at all: of a question nothing follows from it. */
static enum send_outcome
unsent(const struct points *p)
{
	return p->step == POINTS_ASK ? SEND_UNKNOWN : SEND_NOT_SENT;
}

/* ---- the answer ---- */

static void go(struct points *p);

/* The object, with what the first step gave as its field. */
static bool
take_first(struct points *p, const char *first)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool good;

	if (out == NULL)
		return false;
	fputs("{\"first\":", out);
	good = json_print_text(out, first) && fprintf(out, ",%s", p->text + 1) > 0;
	good = fclose(out) == 0 && good;
	json_free(p->object);
	p->object = good ? json_parse(text) : NULL;
	free(p->text);
	p->text = text;
	return p->object != NULL;
}

static void
settle_judged(struct points *p, const struct points_verdict *verdict, int status)
{
	send_report(
	    p->send, SEND_SETTLED,
	    &(const struct send_report){.delivery = p->number,
	                                .outcome = outcome_of[verdict->result],
	                                .status = status,
	                                .reference = verdict->reference[0] != '\0' ? verdict->reference : NULL,
	                                .points = verdict->result == POINTS_DIFFERS ? verdict->points : 0,
	                                .wait_s = verdict->wait_s,
	                                .why = verdict->why[0] != '\0' ? verdict->why : NULL});
	points_free(p);
}

/* It moved nothing: a word that refuses counts, and anything else only means that the request does not go. */
static void
on_first(struct points *p, const struct connector_answer *answer, struct points_verdict *verdict)
{
	char *first;

	if (verdict->result == POINTS_REJECTED || verdict->result == POINTS_NOT_TAKEN ||
	    verdict->result == POINTS_STOP) {
		settle_judged(p, verdict, answer->status);
		return;
	}
	first = connector_points_first(p->send->connector, answer, verdict);
	if (first != NULL && take_first(p, first)) {
		p->step = POINTS_SEND;
		request_free(&p->request);
		go(p);
	} else {
		verdict->result = POINTS_NOT_TAKEN;
		settle_judged(p, verdict, answer->status);
	}
	free(first);
}

/* A token that is refused is asked for again, once: always where nothing moves, and of the request itself
 * where the connector says that such an answer means that it was not taken. */
static bool
renews(struct points *p, int status, enum points_result result)
{
	if (status != 401 || p->token == NULL || p->renewed ||
	    (p->step == POINTS_SEND && result != POINTS_NOT_TAKEN && result != POINTS_STOP))
		return false;
	token_forget(p->send, p->token);
	p->renewed = true;
	request_free(&p->request);
	go(p);
	return true;
}

static void
on_answer(void *arg, const struct http_answer *answer)
{
	struct points *p = arg;
	const struct connector_answer judged = {.status = answer->status,
	                                        .body = answer->body,
	                                        .length = answer->length,
	                                        .retry_after = answer->retry_after,
	                                        .now_s = send_now_s()};
	struct points_verdict verdict;

	if (answer->status == 0) {
		settle(p, answer->unsent || p->step == POINTS_FIRST ? unsent(p) : SEND_UNKNOWN, answer->why, 0);
		return;
	}
	connector_judge_points(p->send->connector, p->step, p->object, &judged, &verdict);
	if (renews(p, answer->status, verdict.result))
		return;
	if (p->step == POINTS_FIRST)
		on_first(p, &judged, &verdict);
	else
		settle_judged(p, &verdict, answer->status);
}

/* ---- the request ---- */

static void
go(struct points *p)
{
	struct send *s = p->send;
	char why[SEND_WHY_BYTES + 1];

	if (s->token_login != NULL && !token_is_there(s)) {
		p->waits = true;
		token_ask(s);
		return;
	}
	p->waits = false;
	secret_free(p->token);
	p->token = s->token_login != NULL ? strdup(s->token) : NULL;
	if (!request_compose_points(s, p->step, p->object, &p->request, why, sizeof(why))) {
		settle(p, unsent(p), why, 0);
		return;
	}
	const struct http_request request = {.method = p->request.method,
	                                     .url = p->request.url,
	                                     .headers = (const char *const *) p->request.header,
	                                     .body = p->request.body,
	                                     .length = p->request.length,
	                                     .timeout_ms = connector_timeout_ms(s->connector),
	                                     .once = p->step == POINTS_SEND};
	if (!http_send(s->http, &request, on_answer, p, why, sizeof(why)))
		settle(p, unsent(p), why, 0);
}

void
points_waiting(struct send *s, enum send_result result, int64_t wait_s, const char *why)
{
	struct points *p = s->first_points;

	/* from the first each time: what goes may end, and take others with it */
	while (p != NULL) {
		if (!p->waits) {
			p = p->next;
			continue;
		}
		if (why != NULL)
			settle(p,
			       p->step == POINTS_ASK ? SEND_UNKNOWN
			       : result == SEND_STOP ? SEND_STOPPED
			                             : SEND_NOT_SENT,
			       why, wait_s);
		else
			go(p);
		if (why == NULL && !token_is_there(s))
			return;
		p = s->first_points;
	}
}

void
points_deliver(struct send *s, const struct send_delivery *delivery, char *object)
{
	struct points *p = calloc(1, sizeof(*p)), **last = &s->first_points;

	if (p == NULL) {
		free(object);
		send_fault(s, "no memory");
		return;
	}
	*p = (struct points){.send = s, .number = delivery->delivery, .text = object};
	/* the list that it came in */
	memmove(object, object + 1, strlen(object));
	p->step = delivery->reads                                      ? POINTS_ASK
	          : connector_sends_points(s->connector, POINTS_FIRST) ? POINTS_FIRST
	                                                               : POINTS_SEND;
	p->object = json_parse(object);
	while (*last != NULL)
		last = &(*last)->next;
	*last = p;
	s->under_way++;
	if (json_is_map(p->object) && object[0] == '{' && object[1] != '}')
		go(p);
	else
		settle(p, unsent(p), "its object is none", 0);
}
