/* A delivery's way: composed, sent, judged, reported. */
#include <stdio.h>
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
	enum connector_step step;
	char *job;  /* of a step behind its creation; NULL: it has none */
	bool *seen; /* of each object: one of the lists had it */
	struct connector_verdict worst;
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
	free(d->job);
	free(d->seen);
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
end_judged(struct delivery *d, const struct connector_verdict *verdict, int status)
{
	report_rows(d, verdict, status);
	end(d, &(struct send_report){.result = result_of[verdict->result],
	                             .status = status,
	                             .wait_s = verdict->wait_s,
	                             .used = verdict->used,
	                             .whole = verdict->whole,
	                             .why = verdict->why});
}

/* ---- the steps of a job ---- */

static void
end_step(struct delivery *d, const struct connector_verdict *verdict, int status, const char *job,
         enum connector_job_state state)
{
	static const char *const states[JOB_STATES] = {"", "open", "going", "ended", "failed", "gone"};
	struct send_report report = {.result = result_of[verdict->result],
	                             .status = status,
	                             .wait_s = verdict->wait_s,
	                             .used = verdict->used,
	                             .whole = verdict->whole,
	                             .why = verdict->why,
	                             .job = job};

	snprintf(report.state, sizeof(report.state), "%s", states[state]);
	end(d, &report);
}

/* What the last list leaves: a row that none had was not taken. */
static void
end_lists(struct delivery *d, int status)
{
	for (size_t i = 0; i < d->count; i++)
		if (!d->seen[i]) {
			d->rows[i] = (struct connector_row){.result = CONNECTOR_RETRY};
			snprintf(d->rows[i].code, sizeof(d->rows[i].code), "no result");
		}
	end_judged(d, &d->worst, status);
}

static void
take_list(struct delivery *d, const struct connector_answer *answer)
{
	struct send *s = d->send;
	struct connector_verdict verdict;
	bool gone, good = connector_read_list(s->connector, d->kind, d->step, d->objects, d->count, answer,
	                                      d->seen, d->rows, &gone, &verdict);
	enum connector_step next = d->step + 1;

	if (!good) {
		end_step(d, &verdict, answer->status, NULL, gone ? JOB_GONE : JOB_UNKNOWN);
		return;
	}
	/* one that has to be seen to stays so, whatever the next list says */
	if (d->worst.result != CONNECTOR_STOP)
		d->worst = verdict;
	if (next == CONNECTOR_STEPS || !connector_has_step(s->connector, d->kind, next)) {
		end_lists(d, answer->status);
		return;
	}
	d->step = next;
	d->renewed = false;
	request_free(&d->request);
	send_now(d);
}

static void
take_step(struct delivery *d, const struct connector_answer *answer)
{
	struct connector_verdict verdict;
	char job[CONNECTOR_JOB_BYTES + 1] = "";
	enum connector_job_state state;

	connector_judge_step(d->send->connector, d->kind, d->step, answer, job, &state, &verdict);
	end_step(d, &verdict, answer->status, job[0] != '\0' ? job : NULL, state);
}

static enum connector_step
step_of(const struct send_delivery *delivery)
{
	static const char *const words[] = {"", "create", "upload", "close", "poll", "results"};

	for (int i = 0; i < (int) (sizeof(words) / sizeof(words[0])); i++)
		if (strcmp(delivery->step, words[i]) == 0)
			return (enum connector_step) i;
	return CONNECTOR_STEPS;
}

bool
deliver_knows_step(const struct send *s, const struct send_delivery *delivery, enum connector_kind kind)
{
	enum connector_step step = step_of(delivery);

	if (step == STEP_NONE)
		return delivery->job == NULL;
	return step < CONNECTOR_STEPS && !delivery->reads && connector_has_step(s->connector, kind, step) &&
	       (delivery->job == NULL) == (step == STEP_CREATE);
}

/* ---- any answer ---- */

/* A token that was refused is renewed, once. */
static bool
renews(struct delivery *d, int status)
{
	struct send *s = d->send;

	if (status != 401 || d->token == NULL || d->renewed)
		return false;
	token_forget(s, d->token);
	d->renewed = true;
	request_free(&d->request);
	send_now(d);
	return true;
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
	                                        .remaining = answer->remaining,
	                                        .now_s = send_now_s()};
	struct connector_verdict verdict;

	/* nobody knows whether it was taken; it is told again, by the same key */
	if (answer->status == 0) {
		end_without_answer(d, SEND_RETRY, 0, answer->why);
		return;
	}
	if (d->step != STEP_NONE) {
		if (!renews(d, answer->status))
			(d->step < STEP_TAKEN ? take_step : take_list)(d, &judged);
		return;
	}
	(d->reads ? connector_judge_read : connector_judge)(s->connector, d->kind, d->objects, d->count, &judged,
	                                                    d->rows, &verdict);
	if (!verdict.renew || !renews(d, answer->status))
		end_judged(d, &verdict, answer->status);
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
	const struct request_form form = {d->kind, d->reads, d->step, d->job};
	if (!request_compose(s, &form, d->objects, d->count, &d->request, why, sizeof(why))) {
		end_without_answer(d, SEND_HELD, 0, why);
		return;
	}
	const struct http_request request = {.method = d->request.method,
	                                     .url = d->request.url,
	                                     .headers = (const char *const *) d->request.header,
	                                     .body = d->request.body,
	                                     .length = d->request.length,
	                                     .timeout_ms = connector_timeout_ms(s->connector),
	                                     .answer_bytes =
	                                         d->step >= STEP_TAKEN ? CONNECTOR_BULK_ANSWER_BYTES : 0};
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
	points_waiting(s, result, wait_s, why);
}

void
deliver(struct send *s, const struct send_delivery *delivery, enum connector_kind kind, struct json *objects)
{
	struct delivery *d = calloc(1, sizeof(*d)), **last = &s->first;
	size_t count = (size_t) delivery->objects;

	if (d != NULL) {
		*d = (struct delivery){
		    .send = s, .number = delivery->delivery, .kind = kind, .reads = delivery->reads, .count = count};
		d->step = step_of(delivery);
		d->job = delivery->job != NULL ? strdup(delivery->job) : NULL;
		d->seen = calloc(count, sizeof(*d->seen));
		d->objects = calloc(count, sizeof(*d->objects));
		d->rows = calloc(count, sizeof(*d->rows));
	}
	if (d == NULL || d->objects == NULL || d->rows == NULL || d->seen == NULL ||
	    (delivery->job != NULL && d->job == NULL)) {
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
