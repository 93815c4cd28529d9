/* A delivery's way: composed, sent, judged, reported. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/secret.h"
#include "lib/json/json.h"
#include "outbound/send/send.h"

struct delivery {
	struct send *send;
	struct delivery *next;
	int64_t number;
	enum connector_kind kind;
	struct json *list;
	const struct json **objects;
	struct connector_row *rows;
	size_t count;
	struct request request;
	char *token; /* that it was sent with */
	bool reads;
	bool waits; /* for a token */
	bool renewed;
};

static void
delivery_free(struct delivery *d)
{
	struct delivery **at = &d->send->first;

	while (*at != NULL && *at != d)
		at = &(*at)->next;
	if (*at == d) {
		*at = d->next;
		d->send->under_way--;
	}
	request_free(&d->request);
	json_free(d->list);
	free(d->objects);
	free(d->rows);
	secret_free(d->token);
	free(d);
}

/* The last word of it. */
static void
end(struct delivery *d, struct send_report *report)
{
	report->delivery = d->number;
	if (report->why != NULL && report->why[0] == '\0')
		report->why = NULL;
	send_report(d->send, SEND_DONE, report);
	delivery_free(d);
}

static void
end_without_answer(struct delivery *d, enum send_result result, int64_t wait_s, const char *why)
{
	end(d, &(struct send_report){.result = result, .wait_s = wait_s, .why = why});
}

/* ---- the answer ---- */

static const enum send_result result_of[CONNECTOR_RESULTS] = {
    [CONNECTOR_DELIVERED] = SEND_DELIVERED,
    [CONNECTOR_RETRY] = SEND_RETRY,
    [CONNECTOR_HELD] = SEND_HELD,
    [CONNECTOR_STOP] = SEND_STOP,
};

static void send_now(struct delivery *d);

static void
report_rows(struct delivery *d, const struct connector_verdict *verdict, int status)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct connector_row *row = &d->rows[i];

		/* of a target that is stopped the others simply wait */
		if (row->result == verdict->result ||
		    (verdict->result == CONNECTOR_STOP && row->result == CONNECTOR_RETRY))
			continue;
		send_report(d->send, SEND_ROW,
		            &(const struct send_report){.delivery = d->number,
		                                        .row = (int64_t) i,
		                                        .result = result_of[row->result],
		                                        .status = row->status != 0 ? row->status : status,
		                                        .code = row->code[0] != '\0' ? row->code : NULL});
	}
}

static void
on_answer(void *arg, const struct http_answer *answer)
{
	struct delivery *d = arg;
	struct send *s = d->send;
	const struct connector_answer judged = {.status = answer->status,
	                                        .body = answer->body,
	                                        .length = answer->length,
	                                        .retry_after = answer->retry_after,
	                                        .limit = answer->limit,
	                                        .now_s = send_now_s()};
	struct connector_verdict verdict;

	/* nobody knows whether it was taken; it is told again, by the same key */
	if (answer->status == 0) {
		end_without_answer(d, SEND_RETRY, 0, answer->why);
		return;
	}
	(d->reads ? connector_judge_read : connector_judge)(s->connector, d->kind, d->objects, d->count, &judged,
	                                                    d->rows, &verdict);
	if (verdict.renew && d->token != NULL && !d->renewed) {
		token_forget(s, d->token);
		d->renewed = true;
		request_free(&d->request);
		send_now(d);
		return;
	}
	report_rows(d, &verdict, answer->status);
	end(d, &(struct send_report){.result = result_of[verdict.result],
	                             .status = answer->status,
	                             .wait_s = verdict.wait_s,
	                             .used = verdict.used,
	                             .whole = verdict.whole,
	                             .why = verdict.why});
}

/* ---- the request ---- */

static void
send_now(struct delivery *d)
{
	struct send *s = d->send;
	char why[SEND_WHY_BYTES + 1];

	if (s->token_login != NULL && !token_is_there(s)) {
		d->waits = true;
		token_ask(s);
		return;
	}
	d->waits = false;
	secret_free(d->token);
	d->token = s->token_login != NULL ? strdup(s->token) : NULL;
	if (!request_compose(s, d->kind, d->reads, d->objects, d->count, &d->request, why, sizeof(why))) {
		end_without_answer(d, SEND_HELD, 0, why);
		return;
	}
	const struct http_request request = {.method = d->reads ? connector_read_method(s->connector, d->kind)
	                                                        : connector_method(s->connector),
	                                     .url = d->request.url,
	                                     .headers = (const char *const *) d->request.header,
	                                     .body = d->request.body,
	                                     .length = d->request.length,
	                                     .timeout_ms = connector_timeout_ms(s->connector)};
	if (!http_send(s->http, &request, on_answer, d, why, sizeof(why)))
		end_without_answer(d, SEND_RETRY, 0, why);
}

static struct delivery *
first_waiting(const struct send *s)
{
	struct delivery *d = s->first;

	while (d != NULL && !d->waits)
		d = d->next;
	return d;
}

/* From the first each time: one request may take so long that the token ends, and where no other can be asked
 * for all that wait end at once, within token_ask. */
void
deliver_waiting(struct send *s, enum send_result result, int64_t wait_s, const char *why)
{
	struct delivery *d;

	while ((d = first_waiting(s)) != NULL) {
		if (why != NULL) {
			end_without_answer(d, result, wait_s, why);
		} else if (token_is_there(s)) {
			send_now(d);
		} else {
			token_ask(s);
			return;
		}
	}
}

void
deliver(struct send *s, const struct send_delivery *delivery, enum connector_kind kind, struct json *objects)
{
	struct delivery *d = calloc(1, sizeof(*d)), **last = &s->first;
	size_t count = (size_t) delivery->objects;

	if (d != NULL) {
		*d = (struct delivery){
		    .send = s, .number = delivery->delivery, .kind = kind, .reads = delivery->reads, .count = count};
		d->objects = calloc(count, sizeof(*d->objects));
		d->rows = calloc(count, sizeof(*d->rows));
	}
	if (d == NULL || d->objects == NULL || d->rows == NULL) {
		json_free(objects);
		send_fault(s, "no memory");
		if (d != NULL)
			delivery_free(d);
		return;
	}
	d->list = objects;
	for (size_t i = 0; i < count; i++)
		d->objects[i] = json_item(objects, i);
	while (*last != NULL)
		last = &(*last)->next;
	*last = d;
	s->under_way++;
	send_now(d);
}
