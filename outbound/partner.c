#include "outbound/partner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/yaml/yaml.h"
#include "outbound/outbox_sql.h"
#include "outbound/tell.h"

#define POLL_MS 200       /* from a request until it goes, without a hint */
#define HINT_MS 10        /* at least, between claims where hints come */
#define READY_MS 30000    /* from the start of a sender until it is ready */
#define SILENCE_MS 120000 /* of a sender with something under way, over what its steps may take */
#define IDLE_MS 300000    /* a sender without work goes */
#define PAUSE_MS 60000    /* the longest pause */
#define LINES_AT_ONCE 500
#define BUSY_MS 2000 /* while another program sends to it */
#define MANY 3       /* failures in a row: one request at a time is tried then */

struct partner *
partner_new(const char *name)
{
	struct partner *p = calloc(1, sizeof(*p));

	if (p != NULL)
		*p = (struct partner){.name = strdup(name), .sender.channel = -1, .next_number = 1};
	if (p == NULL || p->name != NULL)
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
	sender_stop(&p->sender);
	forget(p);
	connector_free(p->connector);
	free(p->text);
	free(p->name);
	free(p);
}

static int64_t
pause_after(unsigned failures)
{
	return failures < 7 ? 500 << failures : PAUSE_MS;
}

/* ---- what came of it ---- */

static enum pg_status
note(struct partner *p, struct pg *pg, struct ask *a, const struct send_report *report)
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
	                        connector_points_idempotent(p->connector) ? "true" : "false",
	                        connector_points_missing_is_unsent(p->connector) ? "true" : "false",
	                        after};
	struct pg_result *none = NULL;
	enum pg_status status;

	snprintf(http, sizeof(http), "%" PRId64, report->status);
	snprintf(points, sizeof(points), "%" PRId64, report->points);
	snprintf(after, sizeof(after), "%" PRId64, connector_points_missing_after_s(p->connector));
	status = pg_transact(pg, sql_outbox_note_attempt, 11, values, &none);
	pg_result_free(none);
	if (status != PG_OK)
		return status;
	p->under_way -= a->given;
	a->settled = true;
	return PG_OK;
}

/* The sender has to go: what it was given is unknown, and what it was not given was not sent. */
static enum pg_status
cut(struct partner *p, struct pg *pg, const char *why)
{
	enum pg_status status = PG_OK;

	sender_stop(&p->sender);
	p->ready = false;
	for (size_t i = 0; i < p->count && status == PG_OK; i++) {
		struct ask *a = &p->ask[i];
		const struct send_report report = {.outcome = a->given || a->asks ? SEND_UNKNOWN : SEND_NOT_SENT,
		                                   .why = why};

		if (!a->settled)
			status = note(p, pg, a, &report);
	}
	if (status == PG_OK)
		forget(p);
	return status;
}

static enum pg_status
give_up(struct partner *p, struct pg *pg, const char *why, int64_t now_ms)
{
	p->start_ms = now_ms + pause_after(p->failures++);
	log_write(LOG_WARNING, "a sender was given up",
	          LOG_FIELDS(log_text("target", p->name), log_text("why", why)));
	return cut(p, pg, why);
}

static enum pg_status
fault(struct partner *p, struct pg *pg, const char *why)
{
	enum pg_status status = cut(p, pg, why);

	return status == PG_OK ? tell_refuse(pg, p->name, p->version, why) : status;
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

static int64_t
silence_ms(const struct partner *p)
{
	return 3 * connector_timeout_ms(p->connector) + SILENCE_MS;
}

/* As many as may be under way. */
static enum pg_status
send_asks(struct partner *p, struct pg *pg, int64_t now_ms)
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
		good = good && sender_deliver(&p->sender, &said, fd);
		if (fd >= 0)
			close(fd);
		free(list);
		if (!good)
			return give_up(p, pg, "handback-send does not take what it is to send", now_ms);
		p->deadline_ms = now_ms + silence_ms(p);
	}
	if (p->under_way > 0 || next_ask(p) != NULL)
		return PG_OK;
	forget(p);
	p->claim_ms = p->failures == 0 ? now_ms : now_ms + pause_after(p->failures);
	p->deadline_ms = now_ms + IDLE_MS;
	return PG_OK;
}

static enum pg_status
start(struct partner *p, struct pg *pg, const struct sender_how *how, int64_t now_ms)
{
	char why[LIMIT_MESSAGE_BYTES];
	bool faulty;

	if (!sender_start(&p->sender, how, p->name, p->text, &faulty, why, sizeof(why)))
		return faulty ? fault(p, pg, why) : give_up(p, pg, why, now_ms);
	p->ready = false;
	p->deadline_ms = now_ms + READY_MS;
	return PG_OK;
}

/* Another program may have it. */
static enum pg_status
begin(struct partner *p, struct pg *pg, int64_t now_ms)
{
	const char *values[] = {p->name};
	struct pg_result *row = NULL;
	enum pg_status status = pg_transact(pg, sql_outbox_begin_requests, 1, values, &row);

	p->begun = status == PG_OK && pg_rows(row) == 1 && pg_int_of(row, 0, "begun") == 1;
	p->claim_ms = now_ms + BUSY_MS;
	pg_result_free(row);
	return status;
}

static enum pg_status
claim(struct partner *p, struct pg *pg, int64_t now_ms)
{
	const struct connector *c = p->connector;
	bool asks = connector_sends_points(c, POINTS_ASK);
	char version[24], most[24], window[24];
	const char *values[] = {
	    p->name, version, most, asks ? "true" : "false", connector_points_idempotent(c) ? "true" : "false",
	    window};
	struct pg_result *rows = NULL;
	enum pg_status status;

	snprintf(version, sizeof(version), "%" PRId64, p->version);
	snprintf(most, sizeof(most), "%d", p->failures >= MANY ? 1 : PARTNER_CLAIM);
	snprintf(window, sizeof(window), "%" PRId64, connector_points_window_s(c));
	status = pg_transact(pg, sql_outbox_claim_requests, 6, values, &rows);
	p->claimed_ms = now_ms;
	p->claim_ms = now_ms + POLL_MS;
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
settled(struct partner *p, struct pg *pg, const struct send_report *report, int64_t now_ms)
{
	struct ask *a = NULL;
	enum pg_status status;

	for (size_t i = 0; i < p->count; i++)
		if (p->ask[i].number == report->delivery && p->ask[i].given && !p->ask[i].settled)
			a = &p->ask[i];
	if (a == NULL || (a->asks && (report->outcome == SEND_NOT_SENT || report->outcome == SEND_STOPPED)))
		return give_up(p, pg, "handback-send speaks of what it was not given", now_ms);
	if (report->outcome == SEND_NOT_SENT || report->outcome == SEND_UNKNOWN)
		p->failures++;
	else
		p->failures = 0;
	if (report->outcome != SEND_CREDITED)
		log_write(report->outcome == SEND_PENDING ? LOG_DEBUG : LOG_NOTICE,
		          "a points request was not credited at once",
		          LOG_FIELDS(log_text("target", p->name), log_text("request", a->request),
		                     log_text("outcome", send_outcomes[report->outcome]),
		                     log_text("why", report->why)));
	status = note(p, pg, a, report);
	if (status != PG_OK)
		return status;
	if (report->outcome == SEND_STOPPED)
		return fault(p, pg, report->why != NULL ? report->why : "it refuses what it is sent");
	if (report->wait_s > 0)
		p->start_ms = now_ms + report->wait_s * 1000;
	return send_asks(p, pg, now_ms);
}

static enum pg_status
take(struct partner *p, struct pg *pg, int message, const struct send_report *report, int64_t now_ms)
{
	switch (message) {
	case SEND_READY:
		p->ready = true;
		return send_asks(p, pg, now_ms);
	case SEND_FAULT:
		return fault(p, pg, report->why);
	case SEND_SETTLED:
		return settled(p, pg, report, now_ms);
	default:
		return give_up(p, pg, "handback-send speaks of what it was not given", now_ms);
	}
}

enum pg_status
partner_read(struct partner *p, struct pg *pg, int64_t now_ms)
{
	static char line[MESSAGE_BYTES + 2];
	char why[LIMIT_MESSAGE_BYTES];
	struct send_report report;
	enum pg_status status = PG_OK;
	int message;

	for (int i = 0; i < LINES_AT_ONCE && status == PG_OK && p->sender.channel >= 0; i++) {
		int got = sender_receive(&p->sender, line, &report, &message, why, sizeof(why));

		if (got == 0)
			break;
		if (got < 0)
			return give_up(p, pg, why, now_ms);
		p->deadline_ms = now_ms + silence_ms(p);
		status = take(p, pg, message, &report, now_ms);
	}
	return status;
}

/* ---- its time ---- */

void
partner_hint(struct partner *p, int64_t now_ms)
{
	int64_t soonest = p->claimed_ms + HINT_MS > now_ms ? p->claimed_ms + HINT_MS : now_ms;

	if (p->begun && p->failures == 0 && p->claim_ms > soonest)
		p->claim_ms = soonest;
}

bool
partner_is_busy(const struct partner *p)
{
	return p->count > 0;
}

enum pg_status
partner_change(struct partner *p, struct pg *pg, int64_t version, const char *text)
{
	struct problems *problems;
	enum pg_status status = PG_OK;
	char *copy = strdup(text);

	if (copy == NULL)
		return PG_OK; /* tried again with the next list */
	sender_stop(&p->sender);
	connector_free(p->connector);
	free(p->text);
	p->text = copy;
	p->version = version;
	p->start_ms = p->claim_ms = 0;
	p->failures = 0;
	problems = problems_new(p->name);
	p->connector = connector_compile(text, strlen(text), problems);
	if (p->connector == NULL || !connector_sends_points(p->connector, POINTS_SEND)) {
		char why[LIMIT_MESSAGE_BYTES];

		snprintf(why, sizeof(why), "its connector %s%s",
		         p->connector != NULL ? "has no points requests" : "has a mistake: ",
		         p->connector != NULL                 ? ""
		         : problems_line(problems, 0) != NULL ? problems_line(problems, 0)
		                                              : "no memory");
		connector_free(p->connector);
		p->connector = NULL;
		status = tell_refuse(pg, p->name, p->version, why);
	}
	problems_free(problems);
	return status;
}

enum pg_status
partner_step(struct partner *p, struct pg *pg, const struct sender_how *how, int64_t now_ms, bool stopping)
{
	enum pg_status status;

	if (p->sender.channel >= 0 && now_ms >= p->deadline_ms) {
		if (p->count > 0)
			return give_up(
			    p, pg, p->ready ? "handback-send says nothing" : "handback-send does not get ready", now_ms);
		sender_stop(&p->sender);
	}
	if (p->count > 0 || stopping || p->connector == NULL || !p->listed || now_ms < p->claim_ms ||
	    now_ms < p->start_ms)
		return PG_OK;
	status = p->begun ? PG_OK : begin(p, pg, now_ms);
	if (status == PG_OK && p->begun)
		status = claim(p, pg, now_ms);
	if (status != PG_OK || p->count == 0)
		return status;
	if (p->sender.channel < 0)
		return start(p, pg, how, now_ms);
	return p->ready ? send_asks(p, pg, now_ms) : PG_OK;
}

void
partner_refused(struct partner *p, const char *why, int64_t now_ms)
{
	log_write(LOG_ERR, "the database does not take what is said of a points request: it is unknown",
	          LOG_FIELDS(log_text("target", p->name), log_text("why", why)));
	p->start_ms = now_ms + pause_after(p->failures++);
	sender_stop(&p->sender);
	p->ready = p->begun = false;
	forget(p);
}

int64_t
partner_next_ms(const struct partner *p)
{
	if (p->count > 0)
		return p->deadline_ms;
	if (p->connector == NULL || !p->listed)
		return INT64_MAX;
	return p->claim_ms > p->start_ms ? p->claim_ms : p->start_ms;
}
