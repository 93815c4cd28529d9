/* What a worker may say, and when. */
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "daemon/loop.h"
#include "daemon/supervise/worker.h"

typedef bool say_function(struct worker *w, const struct message *m);
static say_function say_ready, say_stage, say_done, say_gone, say_busy, say_failed, say_retried;

#define IN(state) (1u << (state))

static const struct {
	const char *verb;
	unsigned states;
	say_function *take; /* false: its fields are not what they have to be */
} table[] = {
    {"ready", IN(WORKER_STARTING) | IN(WORKER_IDLE) | IN(WORKER_BUSY) | IN(WORKER_LEAVING), say_ready},
    {"retried", IN(WORKER_STARTING) | IN(WORKER_IDLE) | IN(WORKER_BUSY) | IN(WORKER_LEAVING), say_retried},
    {"stage", IN(WORKER_BUSY), say_stage},
    {"done", IN(WORKER_BUSY), say_done},
    {"gone", IN(WORKER_BUSY), say_gone},
    {"busy", IN(WORKER_BUSY), say_busy},
    {"failed", IN(WORKER_BUSY), say_failed},
};

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
	if (w->state == WORKER_IDLE)
		w->calls->idle(w->context, w);
}

static bool
say_ready(struct worker *w, const struct message *m)
{
	(void) m;
	if (w->state == WORKER_STARTING) {
		w->state = WORKER_IDLE;
		w->ready_ms = loop_now_ms();
		event_del(w->timer);
		log_write(LOG_DEBUG, "worker ready",
		          LOG_FIELDS(log_int("worker", w->number), log_int("pid", w->pid)));
		w->calls->idle(w->context, w);
	} else if (w->state == WORKER_BUSY)
		loop_after(w->timer, w->deadline_ms);
	return true;
}

static bool
say_retried(struct worker *w, const struct message *m)
{
	int64_t times;

	if (!message_int(m, "times", 1, INT32_MAX, &times))
		return false;
	w->calls->retried(w->context, times);
	return true;
}

static bool
say_stage(struct worker *w, const struct message *m)
{
	const char *stage = message_text(m, "name");
	int64_t records = 0;

	if (stage == NULL || strlen(stage) > 32 || !message_int(m, "records", 0, INT64_MAX, &records))
		return false;
	loop_after(w->timer, w->deadline_ms);
	w->calls->stage(w->context, w, stage, records);
	return true;
}

static bool
say_done(struct worker *w, const struct message *m)
{
	const char *answer = message_text(m, "answer");
	struct job_result r = {.end = JOB_DONE,
	                       .state = message_text(m, "state"),
	                       .reason = message_text(m, "reason"),
	                       .answered = answer != NULL && strcmp(answer, "yes") == 0};

	if (r.state == NULL || !message_int(m, "file", 1, INT64_MAX, &r.file) ||
	    !message_int(m, "records", 0, INT64_MAX, &r.records) ||
	    !message_int(m, "confirmed", 0, INT64_MAX, &r.confirmed) ||
	    !message_int(m, "reversed", 0, INT64_MAX, &r.reversed) ||
	    !message_int(m, "already_done", 0, INT64_MAX, &r.already_done) ||
	    !message_int(m, "duplicate_record", 0, INT64_MAX, &r.duplicate_record) ||
	    !message_int(m, "noted", 0, INT64_MAX, &r.noted) || !message_int(m, "held", 0, INT64_MAX, &r.held) ||
	    !message_int(m, "points", 0, INT64_MAX, &r.points) || !message_int(m, "ms", 0, INT64_MAX, &r.ms))
		return false;
	if (strcmp(r.state, "posted") != 0 && strcmp(r.state, "held") != 0 && strcmp(r.state, "duplicate") != 0)
		return false;
	if (r.reason != NULL && r.reason[0] == '\0')
		r.reason = NULL;
	if (strcmp(r.state, "held") == 0 && r.reason == NULL)
		return false;
	worker_end_job(w, &r);
	return true;
}

static bool
say_gone(struct worker *w, const struct message *m)
{
	(void) m;
	worker_end_job(w, &(struct job_result){.end = JOB_GONE});
	return true;
}

static bool
say_why(struct worker *w, const struct message *m, enum job_end end)
{
	struct job_result r = {.end = end, .why = message_text(m, "why")};

	if (r.why == NULL)
		return false;
	worker_end_job(w, &r);
	return true;
}

static bool
say_busy(struct worker *w, const struct message *m)
{
	return say_why(w, m, JOB_BUSY);
}

static bool
say_failed(struct worker *w, const struct message *m)
{
	return say_why(w, m, JOB_FAILED);
}

void
worker_take_line(struct worker *w)
{
	char shown[TEXT_SHOWN_SIZE], why[sizeof w->why];
	struct message m;

	text_show(shown, w->line, strlen(w->line));
	if (!message_read(&m, w->line)) {
		snprintf(why, sizeof why, "it sent no message of the protocol: %.200s", shown);
		worker_kill(w, why);
		return;
	}
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (strcmp(m.verb, table[i].verb) != 0)
			continue;
		/* one that was told to finish may still say how its job ended */
		if ((table[i].states & IN(w->job ? WORKER_BUSY : w->state)) == 0)
			break;
		if (table[i].take(w, &m))
			return;
		snprintf(why, sizeof why, "it left out or mistook a field: %.200s", shown);
		worker_kill(w, why);
		return;
	}
	snprintf(why, sizeof why, "it spoke out of turn while %s: %.180s", worker_state_words[w->state], shown);
	worker_kill(w, why);
}
