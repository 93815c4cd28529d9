#include "outbound/bulk.h"

#include <stdio.h>
#include <string.h>

#define POLL_MS 1000 /* the first; then half as much longer each time */
#define POLL_MOST_MS 30000
#define OUTAGE_MOST_MS 300000
#define LEAVES_AFTER 5 /* failures in a row */

const char *
bulk_step(const struct part *p)
{
	static const char *const steps[] = {"", "create", "upload", "close", "poll", "results"};

	return steps[p->bulk.stage];
}

void
bulk_resume(struct delivery *d, const struct pg_result *rows)
{
	struct part *p;

	TAILQ_FOREACH(p, &d->parts, others)
	{
		const char *job = pg_text_of(rows, (int) d->object[p->first].row, "job");
		const char *step = pg_text_of(rows, (int) d->object[p->first].row, "step");

		if (job == NULL || p->bulk.stage == BULK_NONE)
			continue;
		snprintf(p->bulk.job, sizeof(p->bulk.job), "%s", job);
		p->bulk.stage = BULK_POLL;
		p->bulk.uploaded = strcmp(step, "created") != 0;
	}
}

static void
go_on(struct part *p, enum bulk_stage stage, int64_t next_ms)
{
	p->bulk.stage = stage;
	p->bulk.next_ms = next_ms;
	p->bulk.failures = 0;
}

static int64_t
poll_ms(unsigned polls)
{
	int64_t ms = POLL_MS;

	for (unsigned i = 0; i < polls && ms < POLL_MOST_MS; i++)
		ms += ms / 2;
	return ms < POLL_MOST_MS ? ms : POLL_MOST_MS;
}

/* It does not answer, or not now: the job is there, and is asked for later. */
static void
wait_out(struct part *p, const struct send_report *report, int64_t now_ms)
{
	int64_t ms = INT64_C(1000) << (p->bulk.failures < 9 ? p->bulk.failures : 9);

	p->bulk.failures++;
	if (ms > OUTAGE_MOST_MS)
		ms = OUTAGE_MOST_MS;
	if (report->wait_s * 1000 > ms)
		ms = report->wait_s * 1000;
	p->bulk.stage = p->bulk.stage == BULK_RESULTS ? BULK_RESULTS : BULK_POLL;
	p->bulk.next_ms = now_ms + ms;
}

/* Its objects are told again, by another. */
static void
leave(struct delivery *d, struct part *p, const char *why)
{
	delivery_finish(d, p, &(const struct send_report){.result = SEND_RETRY, .wait_s = 1, .why = why});
}

static void
polled(struct delivery *d, struct part *p, const struct send_report *report, int64_t now_ms)
{
	if (strcmp(report->state, "ended") == 0)
		go_on(p, BULK_RESULTS, 0);
	else if (strcmp(report->state, "open") != 0)
		go_on(p, BULK_POLL, now_ms + poll_ms(p->bulk.polls++));
	else if (p->bulk.uploaded)
		go_on(p, BULK_CLOSE, p->bulk.polls++ == 0 ? 0 : now_ms + poll_ms(p->bulk.polls));
	else
		leave(d, p, "nobody knows whether all of it is in the job");
}

/* What the target took: the next step, once this one is written down. */
static enum pg_status
went_well(struct delivery *d, struct part *p, const struct send_report *report, struct tell *tell,
          int64_t now_ms)
{
	static const char *const words[] = {
	    [BULK_CREATE] = "created", [BULK_UPLOAD] = "uploaded", [BULK_CLOSE] = "closed"};
	enum pg_status status;

	if (p->bulk.stage == BULK_POLL) {
		polled(d, p, report, now_ms);
		return PG_OK;
	}
	if (p->bulk.stage == BULK_RESULTS) {
		delivery_finish(d, p, report);
		return PG_OK;
	}
	if (p->bulk.stage == BULK_CREATE && report->job == NULL) {
		leave(d, p, "handback-send names no job");
		return PG_OK;
	}
	if (p->bulk.stage == BULK_CREATE)
		snprintf(p->bulk.job, sizeof(p->bulk.job), "%s", report->job);
	status = tell_job(tell, d, p, words[p->bulk.stage]);
	if (status != PG_OK)
		return status;
	p->bulk.uploaded |= p->bulk.stage == BULK_UPLOAD;
	go_on(p, p->bulk.stage + 1, p->bulk.stage == BULK_CLOSE ? now_ms + poll_ms(0) : 0);
	return PG_OK;
}

enum pg_status
bulk_done(struct delivery *d, struct part *p, const struct send_report *report, struct tell *tell,
          bool leaves, int64_t now_ms)
{
	struct send_report said = *report;
	bool asks = p->bulk.stage >= BULK_CLOSE;

	if (strcmp(report->state, "gone") == 0) {
		leave(d, p, "the target does not know its job any more");
		return PG_OK;
	}
	if (report->result == SEND_DELIVERED)
		return went_well(d, p, report, tell, now_ms);
	/* rows, and what one of them says of the target, are the last word of results */
	if (p->bulk.stage == BULK_RESULTS && report->result == SEND_STOP) {
		delivery_finish(d, p, report);
		return PG_OK;
	}
	if (asks && strcmp(report->state, "failed") != 0 && report->result != SEND_STOP &&
	    !(leaves && p->bulk.failures >= LEAVES_AFTER)) {
		wait_out(p, report, now_ms);
		return PG_OK;
	}
	/* what is refused as a whole is no object's fault */
	if (said.result == SEND_HELD)
		said.result = SEND_STOP;
	delivery_finish(d, p, &said);
	return PG_OK;
}
