/* What becomes of what a worker says. */
#include "daemon/loop.h"
#include "daemon/supervise/worker.h"
#include "lib/base/log.h"

void
worker_end_job(struct worker *w, const struct job_result *result)
{
	w->job = false;
	if (w->state == WORKER_BUSY) {
		w->state = WORKER_IDLE;
		event_del(w->timer);
	} else if (w->state == WORKER_LEAVING)
		loop_after(w->timer, WORKER_LEAVE_MS);
	if (result->end != JOB_BROKEN) {
		w->jobs += w->job_of != NULL;
		w->failures = 0;
	}
	w->calls->ended(w->context, w, result);
	if (w->state == WORKER_IDLE && !w->waiting)
		w->calls->idle(w->context, w);
}

static void
take_waiting(struct worker *w)
{
	w->waiting = true;
	if (w->calls->database != NULL)
		w->calls->database(w->context, NULL, 0);
}

static void
take_ready(struct worker *w, const struct worker_report *said)
{
	bool waited = w->waiting;

	w->waiting = false;
	if (w->calls->database != NULL && said->server != NULL)
		w->calls->database(w->context, said->server, said->timeline);
	if (w->state == WORKER_STARTING) {
		w->state = WORKER_IDLE;
		w->ready_ms = loop_now_ms();
		event_del(w->timer);
		log_write(LOG_DEBUG, "worker ready",
		          LOG_FIELDS(log_int("worker", w->number), log_int("pid", worker_pid(w))));
		w->calls->idle(w->context, w);
	} else if (w->state == WORKER_BUSY)
		loop_after(w->timer, w->deadline_ms);
	else if (w->state == WORKER_IDLE && waited)
		w->calls->idle(w->context, w);
}

bool
worker_take_line(void *worker, char *line)
{
	struct worker *w = worker;
	char why[LIMIT_MESSAGE_BYTES];
	struct worker_report report;
	int message = worker_report_decode(&report, &w->turn, line, why, sizeof(why));

	if (message < 0)
		worker_kill(w, why);
	else if (message == WORKER_READY)
		take_ready(w, &report);
	else if (message == WORKER_WAITING)
		take_waiting(w);
	else if (message == WORKER_RETRIED)
		w->calls->retried(w->context, report.times);
	else if (message == WORKER_TAKEN)
		w->calls->taken(w->context, w, report.file, report.bytes);
	else if (message == WORKER_STAGE) {
		loop_after(w->timer, w->deadline_ms);
		w->calls->stage(w->context, w, report.stage, report.records);
	} else
		worker_end_job(w, &report.result);
	return true;
}
