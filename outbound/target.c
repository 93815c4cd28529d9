#include "outbound/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "outbound/bulk.h"
#include "outbound/drop.h"

#define POLL_MS 1000
#define FIRST_PAUSE_MS 1000
#define STEPS 2 /* a login and a request */

static const struct life_owner life_of_target;

struct target *
target_new(const char *name, struct tell *tell)
{
	struct target *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->tell = tell;
	t->next_number = 1;
	if (life_init(&t->life, &life_of_target, t, tell->pg, name))
		return t;
	free(t);
	return NULL;
}

void
target_free(struct target *t)
{
	if (t == NULL)
		return;
	life_free(&t->life);
	delivery_free(&t->delivery);
	free(t);
}

bool
target_rests(const struct target *t)
{
	return t->delivery.number == NULL;
}

bool
target_sends(const struct target *t)
{
	return t->life.state == LIFE_WORKING;
}

/* ---- its end, and its faults ---- */

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
	          LOG_FIELDS(log_text("target", t->life.name), log_text("delivery", d->number),
	                     log_text("reads", d->reads ? "yes" : NULL), log_int("objects", (int64_t) d->count),
	                     log_int("sent", (int64_t) count_results(d, OBJECT_SENT)),
	                     log_int("held", (int64_t) count_results(d, OBJECT_HELD)),
	                     log_int("status", d->status), log_text("why", d->why[0] != '\0' ? d->why : NULL)));
}

/* What came of it is written down; the next claim follows at once, but for a pause that the target asked for
 * or its limit does.  The database keeps that of what is told; one that came of a question holds up both. */
static enum pg_status
end(struct target *t, int64_t now_ms)
{
	enum pg_status status = tell_end(t->tell, &t->delivery);
	bool reads = t->delivery.reads;

	if (status != PG_OK)
		return status;
	log_end(t);
	t->failed_ends = 0;
	t->ask_ms = now_ms + t->delivery.wait_s * 1000;
	t->life.claim_ms = reads ? t->ask_ms : now_ms;
	delivery_free(&t->delivery);
	life_rest(&t->life, now_ms);
	return PG_OK;
}

/* The delivery is left as it is: its jobs are asked for by the next claim. */
static void
suspend(struct target *t, int64_t now_ms)
{
	log_write(LOG_INFO, "a job of a target is left to be asked for",
	          LOG_FIELDS(log_text("target", t->life.name)));
	delivery_free(&t->delivery);
	t->life.claim_ms = now_ms;
	life_rest(&t->life, now_ms);
}

/* The sender is gone: of what it had under way nobody knows. */
static enum pg_status
cut(void *owner, const char *why, int64_t now_ms)
{
	struct target *t = owner;

	if (target_rests(t))
		return PG_OK;
	if (delivery_has_job(&t->delivery)) {
		suspend(t, now_ms);
		return PG_OK;
	}
	delivery_cut(&t->delivery, why);
	return end(t, now_ms);
}

static enum pg_status
fault(void *owner, const char *why, int64_t now_ms)
{
	struct target *t = owner;

	if (target_rests(t))
		return tell_refuse(t->tell->pg, t->life.name, t->life.version, why);
	delivery_cut(&t->delivery, why);
	t->delivery.stopped = true;
	return end(t, now_ms);
}

/* ---- sending ---- */

/* As many parts as may be under way. */
static enum pg_status
send_parts(struct target *t, int64_t now_ms)
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
		good = life_deliver(&t->life, &said, fd, now_ms);
		close(fd);
		if (!good)
			return life_give_up(&t->life, "handback-send does not take what it is to send", now_ms);
	}
	if (fd < -1)
		return life_give_up(&t->life, "no memory for what is to be sent", now_ms);
	if (delivery_is_over(&t->delivery))
		return end(t, now_ms);
	if (t->delivery.under_way == 0)
		life_wait(&t->life);
	return PG_OK;
}

/* What there is to tell, or a delivery whose jobs are to be asked for, or what the target is asked for. */
static enum pg_status
claim_rows(struct target *t, struct pg_result **ret_rows, bool *ret_resumed, bool *ret_reads, int64_t now_ms)
{
	const struct connector *c = t->life.connector;
	const char *name = t->life.name;
	enum pg_status status = PG_OK;
	bool bulk = connector_is_file(c);

	for (int kind = 0; kind < CONNECTOR_KINDS; kind++)
		bulk |= connector_bulk_from(c, (enum connector_kind) kind) > 0;
	if (bulk)
		status = tell_resume(t->tell, name, ret_rows);
	*ret_resumed = status == PG_OK && bulk && pg_rows(*ret_rows) > 0;
	*ret_reads = false;
	if (status != PG_OK || *ret_resumed)
		return status;
	pg_result_free(*ret_rows);
	*ret_rows = NULL;
	status = tell_claim(t->tell, name, c, ret_rows);
	*ret_reads = status == PG_OK && pg_rows(*ret_rows) == 0;
	if (!*ret_reads || now_ms < t->ask_ms)
		return status;
	/* only who was told everything is asked what it has */
	pg_result_free(*ret_rows);
	*ret_rows = NULL;
	return tell_claim_read(t->tell, name, c, ret_rows);
}

/* A system that takes files has them at once, and no sender. */
static enum pg_status
claim_file(struct target *t, const char *files, bool resumed, int64_t now_ms)
{
	bool full = false;
	enum pg_status status = drop_delivery(&t->delivery, files, t->life.name, resumed, t->tell, &full);

	if (status == PG_OK)
		status = end(t, now_ms);
	if (status == PG_OK && !full)
		t->life.claim_ms = now_ms + connector_file_every_s(t->life.connector) * 1000;
	return status;
}

static enum pg_status
claim(struct target *t, const struct sender_how *how, int64_t now_ms)
{
	struct pg_result *rows = NULL;
	bool resumed, reads;
	enum pg_status status = claim_rows(t, &rows, &resumed, &reads, now_ms);

	t->life.claim_ms = now_ms + POLL_MS;
	if (status != PG_OK || pg_rows(rows) == 0) {
		pg_result_free(rows);
		return status;
	}
	if (!delivery_begin(&t->delivery, rows, t->life.connector, reads, &t->next_number))
		return life_give_up(&t->life, "no memory for what is to be sent", now_ms);
	if (connector_is_file(t->life.connector))
		return claim_file(t, how->files, resumed, now_ms);
	if (resumed)
		bulk_resume(&t->delivery, rows);
	return life_begin(&t->life, how, now_ms);
}

/* ---- what its sender says ---- */

static enum pg_status
ready(void *owner, int64_t now_ms)
{
	struct target *t = owner;

	t->life.failures = 0;
	return send_parts(t, now_ms);
}

/* A step of a job is over: what it was, and the next. */
static enum pg_status
take_step(struct target *t, struct part *p, const struct send_report *report, int64_t now_ms)
{
	enum pg_status status;

	p->under_way = false;
	t->delivery.under_way--;
	status = bulk_done(&t->delivery, p, report, t->tell, t->delivery.paused, now_ms);
	return status == PG_OK ? send_parts(t, now_ms) : status;
}

static enum pg_status
take(void *owner, int message, const struct send_report *report, int64_t now_ms)
{
	struct target *t = owner;
	struct part *job;

	if (message == SEND_READY || (message == SEND_ROW && delivery_row(&t->delivery, report)))
		return PG_OK;
	if (message != SEND_DONE)
		return life_lies(&t->life, now_ms);
	job = delivery_job_of(&t->delivery, report);
	if (job != NULL)
		return take_step(t, job, report, now_ms);
	if (delivery_done(&t->delivery, report, &t->next_number))
		return send_parts(t, now_ms);
	return life_lies(&t->life, now_ms);
}

/* Whatever it has is told. */
static const char *
lacks(const struct connector *c)
{
	(void) c;
	return NULL;
}

static const struct life_owner life_of_target = {FIRST_PAUSE_MS, STEPS, ready, take, cut, fault, lacks};

/* ---- its time ---- */

enum pg_status
target_change(struct target *t, int64_t version, const char *text)
{
	enum pg_status status = life_change(&t->life, version, text);

	if (t->life.version == version) {
		t->ask_ms = 0;
		t->failed_ends = 0;
		t->outdated = false;
	}
	return status;
}

enum pg_status
target_step(struct target *t, const struct sender_how *how, int64_t now_ms, bool stopping)
{
	enum pg_status status = life_step(&t->life, now_ms);

	if (status != PG_OK)
		return status;
	if ((stopping || !t->listed) && target_sends(t))
		t->delivery.paused = true;
	if (stopping && target_sends(t) && t->delivery.under_way == 0 && delivery_has_job(&t->delivery))
		suspend(t, now_ms);
	if (target_sends(t) && delivery_due_ms(&t->delivery) <= now_ms)
		return send_parts(t, now_ms);
	if (stopping || !target_rests(t) || !t->listed || t->outdated || !life_may_claim(&t->life, now_ms))
		return PG_OK;
	return claim(t, how, now_ms);
}

void
target_refused(struct target *t, const char *why, int64_t now_ms)
{
	log_write(LOG_ERR, "the database does not take what is said of a target: it is told again later",
	          LOG_FIELDS(log_text("target", t->life.name), log_text("why", why)));
	life_pause(&t->life, t->failed_ends++, now_ms);
	life_stop(&t->life);
	delivery_free(&t->delivery);
}

int64_t
target_next_ms(const struct target *t)
{
	if (target_sends(t) && t->delivery.under_way == 0)
		return delivery_due_ms(&t->delivery);
	if (!target_rests(t))
		return t->life.deadline_ms;
	return t->life.connector == NULL || !t->listed || t->outdated ? INT64_MAX : life_claim_ms(&t->life);
}
