#include "outbound/partner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/log.h"
#include "outbound/outbox_sql.h"
#include "outbound/tell.h"

#define POLL_MS 200       /* from a request until it goes, without a hint */
#define HINT_MS 10        /* at least, between claims where hints come */
#define FIRST_PAUSE_MS 500
#define STEPS 3 /* a login, a question and a request */
#define BUSY_MS 2000 /* while another program sends to it */
#define MANY 3       /* failures in a row: one request at a time is tried then */

static const struct life_owner life_of_partner;

struct partner *
partner_new(const char *name, struct pg *pg)
{
	struct partner *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->next_number = 1;
	if (life_init(&p->life, &life_of_partner, p, pg, name))
		return p;
	free(p);
	return NULL;
}

static void
forget(struct partner *p)
{
	pg_result_free(p->rows);
	p->rows = NULL;
	p->count = p->under_way = 0;
}

void
partner_free(struct partner *p)
{
	if (p == NULL)
		return;
	life_free(&p->life);
	forget(p);
	free(p);
}

/* ---- what came of it ---- */

static enum pg_status
note(struct partner *p, struct ask *a, const struct send_report *report)
{
	enum send_outcome outcome = report->outcome == SEND_STOPPED ? SEND_NOT_SENT : report->outcome;
	char http[24], points[24], after[24];
	const char *values[] = {a->request,
	                        a->nth,
	                        a->n,
	                        send_outcomes[outcome],
	                        report->status > 0 ? http : NULL,
	                        report->reference,
	                        report->points != 0 ? points : NULL,
	                        report->why,
	                        connector_points_idempotent(p->life.connector) ? "true" : "false",
	                        connector_points_missing_is_unsent(p->life.connector) ? "true" : "false",
	                        after};
	struct pg_result *none = NULL;
	enum pg_status status;

	snprintf(http, sizeof(http), "%" PRId64, report->status);
	snprintf(points, sizeof(points), "%" PRId64, report->points);
	snprintf(after, sizeof(after), "%" PRId64, connector_points_missing_after_s(p->life.connector));
	status = pg_transact(p->life.pg, sql_outbox_note_attempt, 11, values, &none);
	pg_result_free(none);
	if (status != PG_OK)
		return status;
	p->under_way -= a->given;
	a->settled = true;
	return PG_OK;
}

/* The sender is gone: what it was given is unknown, and what it was not given was not sent. */
static enum pg_status
cut(void *owner, const char *why, int64_t now_ms)
{
	struct partner *p = owner;
	enum pg_status status = PG_OK;

	(void) now_ms;
	for (size_t i = 0; i < p->count && status == PG_OK; i++) {
		struct ask *a = &p->ask[i];
		const struct send_report report = {.outcome = a->given || a->asks ? SEND_UNKNOWN : SEND_NOT_SENT,
		                                   .why = why};

		if (!a->settled)
			status = note(p, a, &report);
	}
	if (status == PG_OK)
		forget(p);
	return status;
}

static enum pg_status
fault(void *owner, const char *why, int64_t now_ms)
{
	struct partner *p = owner;
	enum pg_status status = cut(p, why, now_ms);

	return status == PG_OK ? tell_refuse(p->life.pg, p->life.name, p->life.version, why) : status;
}

/* ---- sending ---- */

static struct ask *
next_ask(struct partner *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (!p->ask[i].given && !p->ask[i].settled)
			return &p->ask[i];
	return NULL;
}

/* As many as may be under way. */
static enum pg_status
send_asks(struct partner *p, int64_t now_ms)
{
	struct ask *a;

	while (p->under_way < PARTNER_AT_ONCE && (a = next_ask(p)) != NULL) {
		const struct send_delivery said = {
		    .delivery = a->number, .kind = CONNECTOR_POINTS, .objects = 1, .reads = a->asks};
		char *list = NULL;
		int fd = asprintf(&list, "[%s]", a->object) < 0 ? -1 : io_sealed("points", list, strlen(list));
		bool good = fd >= 0;

		/* from here on it may have left us */
		a->given = good;
		p->under_way += good;
		good = good && life_deliver(&p->life, &said, fd, now_ms);
		if (fd >= 0)
			close(fd);
		free(list);
		if (!good)
			return life_give_up(&p->life, "handback-send does not take what it is to send", now_ms);
	}
	if (p->under_way > 0 || next_ask(p) != NULL)
		return PG_OK;
	forget(p);
	p->life.claim_ms = p->life.failures == 0 ? now_ms : now_ms + life_pause_ms(&p->life, p->life.failures);
	life_rest(&p->life, now_ms);
	return PG_OK;
}

/* Another program may have it. */
static enum pg_status
begin(struct partner *p, int64_t now_ms)
{
	const char *values[] = {p->life.name};
	struct pg_result *row = NULL;
	enum pg_status status = pg_transact(p->life.pg, sql_outbox_begin_requests, 1, values, &row);

	p->begun = status == PG_OK && pg_rows(row) == 1 && pg_int_of(row, 0, "begun") == 1;
	p->life.claim_ms = now_ms + BUSY_MS;
	pg_result_free(row);
	return status;
}

static enum pg_status
claim(struct partner *p, int64_t now_ms)
{
	const struct connector *c = p->life.connector;
	bool asks = connector_sends_points(c, POINTS_ASK);
	char version[24], most[24], window[24];
	const char *values[] = {
	    p->life.name, version, most, asks ? "true" : "false", connector_points_idempotent(c) ? "true" : "false",
	    window};
	struct pg_result *rows = NULL;
	enum pg_status status;

	snprintf(version, sizeof(version), "%" PRId64, p->life.version);
	snprintf(most, sizeof(most), "%d", p->life.failures >= MANY ? 1 : PARTNER_CLAIM);
	snprintf(window, sizeof(window), "%" PRId64, connector_points_window_s(c));
	status = pg_transact(p->life.pg, sql_outbox_claim_requests, 6, values, &rows);
	p->claimed_ms = now_ms;
	p->life.claim_ms = now_ms + POLL_MS;
	if (status != PG_OK || pg_rows(rows) == 0 || pg_rows(rows) > PARTNER_CLAIM) {
		pg_result_free(rows);
		return status;
	}
	p->rows = rows;
	for (int i = 0; i < pg_rows(rows); i++)
		p->ask[p->count++] = (struct ask){.number = p->next_number++,
		                                  .request = pg_text_of(rows, i, "request"),
		                                  .nth = pg_text_of(rows, i, "nth"),
		                                  .n = pg_text_of(rows, i, "n"),
		                                  .object = pg_text_of(rows, i, "object"),
		                                  .asks = strcmp(pg_text_of(rows, i, "what"), "ask") == 0};
	return PG_OK;
}

/* ---- what its sender says ---- */

static enum pg_status
settled(struct partner *p, const struct send_report *report, int64_t now_ms)
{
	struct ask *a = NULL;
	enum pg_status status;

	for (size_t i = 0; i < p->count; i++)
		if (p->ask[i].number == report->delivery && p->ask[i].given && !p->ask[i].settled)
			a = &p->ask[i];
	if (a == NULL || (a->asks && (report->outcome == SEND_NOT_SENT || report->outcome == SEND_STOPPED)))
		return life_lies(&p->life, now_ms);
	if (report->outcome == SEND_NOT_SENT || report->outcome == SEND_UNKNOWN)
		p->life.failures++;
	else
		p->life.failures = 0;
	if (report->outcome != SEND_CREDITED)
		log_write(report->outcome == SEND_PENDING ? LOG_DEBUG : LOG_NOTICE,
		          "a points request was not credited at once",
		          LOG_FIELDS(log_text("target", p->life.name), log_text("request", a->request),
		                     log_text("outcome", send_outcomes[report->outcome]),
		                     log_text("why", report->why)));
	status = note(p, a, report);
	if (status != PG_OK)
		return status;
	if (report->outcome == SEND_STOPPED)
		return life_fault(&p->life, report->why != NULL ? report->why : "it refuses what it is sent",
		                  now_ms);
	if (report->wait_s > 0)
		p->life.start_ms = now_ms + report->wait_s * 1000;
	return send_asks(p, now_ms);
}

static enum pg_status
ready(void *owner, int64_t now_ms)
{
	return send_asks(owner, now_ms);
}

static enum pg_status
take(void *owner, int message, const struct send_report *report, int64_t now_ms)
{
	struct partner *p = owner;

	if (message == SEND_READY)
		return PG_OK;
	return message == SEND_SETTLED ? settled(p, report, now_ms) : life_lies(&p->life, now_ms);
}

static const char *
lacks(const struct connector *c)
{
	return connector_sends_points(c, POINTS_SEND) ? NULL : "points requests";
}

static const struct life_owner life_of_partner = {FIRST_PAUSE_MS, STEPS, ready, take, cut, fault, lacks};

/* ---- its time ---- */

void
partner_hint(struct partner *p, int64_t now_ms)
{
	int64_t soonest = p->claimed_ms + HINT_MS > now_ms ? p->claimed_ms + HINT_MS : now_ms;

	if (p->begun && p->life.failures == 0 && p->life.claim_ms > soonest)
		p->life.claim_ms = soonest;
}

bool
partner_is_busy(const struct partner *p)
{
	return p->count > 0;
}

enum pg_status
partner_change(struct partner *p, int64_t version, const char *text)
{
	return life_change(&p->life, version, text);
}

enum pg_status
partner_step(struct partner *p, const struct sender_how *how, int64_t now_ms, bool stopping)
{
	enum pg_status status = life_step(&p->life, now_ms);

	if (status != PG_OK || p->count > 0 || stopping || !p->listed || !life_may_claim(&p->life, now_ms))
		return status;
	status = p->begun ? PG_OK : begin(p, now_ms);
	if (status == PG_OK && p->begun)
		status = claim(p, now_ms);
	return status == PG_OK && p->count > 0 ? life_begin(&p->life, how, now_ms) : status;
}

void
partner_refused(struct partner *p, const char *why, int64_t now_ms)
{
	log_write(LOG_ERR, "the database does not take what is said of a points request: it is unknown",
	          LOG_FIELDS(log_text("target", p->life.name), log_text("why", why)));
	life_pause(&p->life, p->life.failures++, now_ms);
	life_stop(&p->life);
	p->begun = false;
	forget(p);
}

int64_t
partner_next_ms(const struct partner *p)
{
	if (p->count > 0)
		return p->life.deadline_ms;
	return p->life.connector == NULL || !p->listed ? INT64_MAX : life_claim_ms(&p->life);
}
