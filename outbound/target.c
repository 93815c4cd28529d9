#include "outbound/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/yaml/yaml.h"
#include "outbound/bulk.h"
#include "outbound/drop.h"

#define POLL_MS 1000
#define READY_MS 30000    /* from the start of a sender until it is ready */
#define SILENCE_MS 120000 /* of a sender with a part under way, over what a login and a request may take */
#define IDLE_MS 300000    /* a sender without work goes, and the next one has the credentials of its day */
#define RESTART_MS 60000  /* the longest pause after a sender that did not get ready */
#define LINES_AT_ONCE 500 /* others have their turn as well */

struct target *
target_new(const char *name)
{
	struct target *t = calloc(1, sizeof(*t));

	if (t != NULL)
		*t = (struct target){.name = strdup(name), .sender.channel = -1, .next_number = 1};
	if (t == NULL || t->name != NULL)
		return t;
	free(t);
	return NULL;
}

void
target_free(struct target *t)
{
	if (t == NULL)
		return;
	sender_stop(&t->sender);
	delivery_free(&t->delivery);
	connector_free(t->connector);
	free(t->text);
	free(t->name);
	free(t);
}

/* ---- its end, and its faults ---- */

static int64_t
pause_after(unsigned failures)
{
	return failures < 6 ? 1000 << failures : RESTART_MS;
}

/* The sender's own deadlines are shorter. */
static int64_t
silence_ms(const struct target *t)
{
	return 2 * connector_timeout_ms(t->connector) + SILENCE_MS;
}

static size_t
count_results(const struct delivery *d, enum object_result result)
{
	size_t count = 0;

	for (size_t i = 0; i < d->count; i++)
		count += d->object[i].result == result;
	return count;
}

static void
log_end(const struct target *t)
{
	const struct delivery *d = &t->delivery;
	bool good = d->why[0] == '\0' && !d->paused && !d->stopped;

	log_write(d->stopped ? LOG_ERR
	          : good     ? LOG_DEBUG
	                     : LOG_NOTICE,
	          d->stopped ? "target stopped: it refuses what it is told" : "delivery ended",
	          LOG_FIELDS(log_text("target", t->name), log_text("delivery", d->number),
	                     log_text("reads", d->reads ? "yes" : NULL), log_int("objects", (int64_t) d->count),
	                     log_int("sent", (int64_t) count_results(d, OBJECT_SENT)),
	                     log_int("held", (int64_t) count_results(d, OBJECT_HELD)),
	                     log_int("status", d->status), log_text("why", d->why[0] != '\0' ? d->why : NULL)));
}

/* What came of it is written down; the next claim follows at once, but for a pause that the target asked for
 * or its limit does.  The database keeps that of what is told; one that came of a question holds up both. */
static enum pg_status
end(struct target *t, struct tell *tell, int64_t now_ms)
{
	enum pg_status status = tell_end(tell, &t->delivery);
	bool reads = t->delivery.reads;

	if (status != PG_OK)
		return status;
	log_end(t);
	t->failed_ends = 0;
	t->ask_ms = now_ms + t->delivery.wait_s * 1000;
	t->claim_ms = reads ? t->ask_ms : now_ms;
	delivery_free(&t->delivery);
	t->state = TARGET_RESTING;
	t->deadline_ms = now_ms + IDLE_MS;
	return PG_OK;
}

/* The delivery is left as it is: its jobs are asked for by the next claim. */
static void
suspend(struct target *t, int64_t now_ms)
{
	log_write(LOG_INFO, "a job of a target is left to be asked for", LOG_FIELDS(log_text("target", t->name)));
	delivery_free(&t->delivery);
	t->state = TARGET_RESTING;
	t->claim_ms = now_ms;
	t->deadline_ms = now_ms + IDLE_MS;
}

/* The sender has to go; of what it had under way nobody knows. */
static enum pg_status
give_up(struct target *t, struct tell *tell, const char *why, int64_t now_ms)
{
	t->start_ms = now_ms + pause_after(t->failed_starts++);
	sender_stop(&t->sender);
	log_write(LOG_WARNING, "a sender was given up",
	          LOG_FIELDS(log_text("target", t->name), log_text("why", why)));
	if (t->state == TARGET_RESTING)
		return PG_OK;
	if (delivery_has_job(&t->delivery)) {
		suspend(t, now_ms);
		return PG_OK;
	}
	delivery_cut(&t->delivery, why);
	return end(t, tell, now_ms);
}

static enum pg_status
fault(struct target *t, struct tell *tell, const char *why, int64_t now_ms)
{
	enum pg_status status = PG_OK;

	sender_stop(&t->sender);
	if (t->state == TARGET_RESTING)
		return tell_refuse(tell->pg, t->name, t->version, why);
	delivery_cut(&t->delivery, why);
	t->delivery.stopped = true;
	status = end(t, tell, now_ms);
	return status;
}

/* ---- sending ---- */

static enum pg_status
start(struct target *t, struct tell *tell, const struct sender_how *how, int64_t now_ms)
{
	char why[LIMIT_MESSAGE_BYTES];
	bool faulty;

	if (!sender_start(&t->sender, how, t->name, t->text, &faulty, why, sizeof(why)))
		return faulty ? fault(t, tell, why, now_ms) : give_up(t, tell, why, now_ms);
	t->state = TARGET_STARTING;
	t->deadline_ms = now_ms + READY_MS;
	return PG_OK;
}

/* As many parts as may be under way. */
static enum pg_status
send_parts(struct target *t, struct tell *tell, int64_t now_ms)
{
	struct part *p;
	size_t count;
	int fd;

	while ((p = delivery_next(&t->delivery, now_ms, &fd, &count)) != NULL) {
		struct send_delivery said = {.delivery = p->number,
		                             .kind = connector_kinds[t->delivery.object[p->first].kind],
		                             .objects = (int64_t) count,
		                             .reads = t->delivery.reads,
		                             .job = p->bulk.job[0] != '\0' ? p->bulk.job : NULL};
		bool good;

		snprintf(said.step, sizeof(said.step), "%s", bulk_step(p));
		good = sender_deliver(&t->sender, &said, fd);
		close(fd);
		if (!good)
			return give_up(t, tell, "handback-send does not take what it is to send", now_ms);
		t->deadline_ms = now_ms + silence_ms(t);
	}
	if (fd < -1)
		return give_up(t, tell, "no memory for what is to be sent", now_ms);
	return delivery_is_over(&t->delivery) ? end(t, tell, now_ms) : PG_OK;
}

/* What there is to tell, or a delivery whose jobs are to be asked for, or what the target is asked for. */
static enum pg_status
claim_rows(struct target *t, struct tell *tell, struct pg_result **ret_rows, bool *ret_resumed,
           bool *ret_reads, int64_t now_ms)
{
	enum pg_status status = PG_OK;
	bool bulk = connector_is_file(t->connector);

	for (int kind = 0; kind < CONNECTOR_KINDS; kind++)
		bulk |= connector_bulk_from(t->connector, (enum connector_kind) kind) > 0;
	if (bulk)
		status = tell_resume(tell, t->name, ret_rows);
	*ret_resumed = status == PG_OK && bulk && pg_rows(*ret_rows) > 0;
	*ret_reads = false;
	if (status != PG_OK || *ret_resumed)
		return status;
	pg_result_free(*ret_rows);
	*ret_rows = NULL;
	status = tell_claim(tell, t->name, t->connector, ret_rows);
	*ret_reads = status == PG_OK && pg_rows(*ret_rows) == 0;
	if (!*ret_reads || now_ms < t->ask_ms)
		return status;
	/* only who was told everything is asked what it has */
	pg_result_free(*ret_rows);
	*ret_rows = NULL;
	return tell_claim_read(tell, t->name, t->connector, ret_rows);
}

/* A system that takes files has them at once, and no sender. */
static enum pg_status
claim_file(struct target *t, struct tell *tell, const char *files, bool resumed, int64_t now_ms)
{
	bool full = false;
	enum pg_status status = drop_delivery(&t->delivery, files, t->name, resumed, tell, &full);

	if (status == PG_OK)
		status = end(t, tell, now_ms);
	if (status == PG_OK && !full)
		t->claim_ms = now_ms + connector_file_every_s(t->connector) * 1000;
	return status;
}

static enum pg_status
claim(struct target *t, struct tell *tell, const struct sender_how *how, int64_t now_ms)
{
	struct pg_result *rows = NULL;
	bool resumed, reads;
	enum pg_status status = claim_rows(t, tell, &rows, &resumed, &reads, now_ms);

	t->claim_ms = now_ms + POLL_MS;
	if (status != PG_OK || pg_rows(rows) == 0) {
		pg_result_free(rows);
		return status;
	}
	t->state = TARGET_STARTING;
	if (!delivery_begin(&t->delivery, rows, t->connector, reads, &t->next_number))
		return give_up(t, tell, "no memory for what is to be sent", now_ms);
	if (connector_is_file(t->connector))
		return claim_file(t, tell, how->files, resumed, now_ms);
	if (resumed)
		bulk_resume(&t->delivery, rows);
	if (t->sender.channel < 0)
		return start(t, tell, how, now_ms);
	t->state = TARGET_SENDING;
	return send_parts(t, tell, now_ms);
}

/* ---- what its sender says ---- */

/* A step of a job is over: what it was, and the next. */
static enum pg_status
take_step(struct target *t, struct part *p, struct tell *tell, const struct send_report *report,
          int64_t now_ms)
{
	enum pg_status status;

	p->under_way = false;
	t->delivery.under_way--;
	status = bulk_done(&t->delivery, p, report, tell, t->delivery.paused, now_ms);
	return status == PG_OK ? send_parts(t, tell, now_ms) : status;
}

static enum pg_status
take(struct target *t, struct tell *tell, int message, const struct send_report *report, int64_t now_ms)
{
	struct part *p;

	switch (message) {
	case SEND_READY:
		t->failed_starts = 0;
		if (t->state != TARGET_STARTING)
			return PG_OK;
		t->state = TARGET_SENDING;
		return send_parts(t, tell, now_ms);
	case SEND_FAULT:
		return fault(t, tell, report->why, now_ms);
	case SEND_ROW:
		if (t->state == TARGET_SENDING && delivery_row(&t->delivery, report))
			return PG_OK;
		break;
	case SEND_DONE:
		p = t->state == TARGET_SENDING ? delivery_job_of(&t->delivery, report) : NULL;
		if (p != NULL)
			return take_step(t, p, tell, report, now_ms);
		if (t->state == TARGET_SENDING && delivery_done(&t->delivery, report, &t->next_number))
			return send_parts(t, tell, now_ms);
		break;
	default:
		break;
	}
	return give_up(t, tell, "handback-send speaks of what it was not given", now_ms);
}

enum pg_status
target_read(struct target *t, struct tell *tell, int64_t now_ms)
{
	static char line[MESSAGE_BYTES + 2];
	char why[LIMIT_MESSAGE_BYTES];
	struct send_report report;
	enum pg_status status = PG_OK;
	int message;

	for (int i = 0; i < LINES_AT_ONCE && status == PG_OK && t->sender.channel >= 0; i++) {
		int got = sender_receive(&t->sender, line, &report, &message, why, sizeof(why));

		if (got == 0)
			break;
		if (got < 0)
			return give_up(t, tell, why, now_ms);
		if (t->state == TARGET_SENDING)
			t->deadline_ms = now_ms + silence_ms(t);
		status = take(t, tell, message, &report, now_ms);
	}
	return status;
}

/* ---- its time ---- */

enum pg_status
target_change(struct target *t, struct tell *tell, int64_t version, const char *text)
{
	struct problems *p;
	enum pg_status status = PG_OK;
	char *copy = strdup(text);

	if (copy == NULL)
		return PG_OK; /* tried again with the next list */
	sender_stop(&t->sender);
	connector_free(t->connector);
	free(t->text);
	t->text = copy;
	t->version = version;
	t->start_ms = t->claim_ms = t->ask_ms = 0;
	t->failed_starts = t->failed_ends = 0;
	t->outdated = false;
	p = problems_new(t->name);
	t->connector = connector_compile(text, strlen(text), p);
	if (t->connector == NULL) {
		char why[LIMIT_MESSAGE_BYTES];

		snprintf(why, sizeof(why), "its connector has a mistake: %s",
		         problems_line(p, 0) != NULL ? problems_line(p, 0) : "no memory");
		status = tell_refuse(tell->pg, t->name, t->version, why);
	}
	problems_free(p);
	return status;
}

enum pg_status
target_step(struct target *t, struct tell *tell, const struct sender_how *how, int64_t now_ms, bool stopping)
{
	if (t->state == TARGET_STARTING && now_ms >= t->deadline_ms)
		return give_up(t, tell, "handback-send does not get ready", now_ms);
	if (t->state == TARGET_SENDING && t->delivery.under_way > 0 && now_ms >= t->deadline_ms)
		return give_up(t, tell, "handback-send says nothing", now_ms);
	if (t->state == TARGET_RESTING && t->sender.channel >= 0 && now_ms >= t->deadline_ms)
		sender_stop(&t->sender);
	if ((stopping || !t->listed) && t->state == TARGET_SENDING)
		t->delivery.paused = true;
	if (stopping && t->state == TARGET_SENDING && t->delivery.under_way == 0 &&
	    delivery_has_job(&t->delivery))
		suspend(t, now_ms);
	if (t->state == TARGET_SENDING && delivery_due_ms(&t->delivery) <= now_ms)
		return send_parts(t, tell, now_ms);
	if (stopping || t->state != TARGET_RESTING || t->connector == NULL || !t->listed || t->outdated ||
	    now_ms < t->claim_ms || now_ms < t->start_ms)
		return PG_OK;
	return claim(t, tell, how, now_ms);
}

void
target_refused(struct target *t, const char *why, int64_t now_ms)
{
	log_write(LOG_ERR, "the database does not take what is said of a target: it is told again later",
	          LOG_FIELDS(log_text("target", t->name), log_text("why", why)));
	t->start_ms = now_ms + pause_after(t->failed_ends++);
	sender_stop(&t->sender);
	delivery_free(&t->delivery);
	t->state = TARGET_RESTING;
}

int64_t
target_next_ms(const struct target *t)
{
	if (t->state == TARGET_SENDING && t->delivery.under_way == 0)
		return delivery_due_ms(&t->delivery);
	if (t->state != TARGET_RESTING)
		return t->deadline_ms;
	if (t->connector == NULL || !t->listed || t->outdated)
		return INT64_MAX;
	return t->claim_ms > t->start_ms ? t->claim_ms : t->start_ms;
}
