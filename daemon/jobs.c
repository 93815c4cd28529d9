/* Handing files to workers, and what becomes of a file when its job has ended. */
#include "daemon/engine.h"
#include "daemon/loop.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

#define BUSY_FIRST_MS 250
#define BUSY_CEILING_MS 10000
#define FAILED_FIRST_MS 1000
#define FAILED_CEILING_MS (5 * 60 * 1000)
#define RELEASE_PATIENCE_MS 1000 /* files come first, for so long */
#define BYTES_PER_MS 256         /* what a worker gets through at least: LIMIT_PARSER_WALL_KIB_PER_S */

/* Is a file of this partner being decided?  Two sources may be of one partner; what has been committed keeps
 * no other waiting while it is archived. */
static bool
partner_is_busy(const struct engine *e, const char *partner)
{
	for (size_t i = 0; i < e->worker_count; i++) {
		const struct file *f = e->workers[i]->job ? e->workers[i]->job_of : NULL;

		if (f != NULL && !f->committed && strcmp(f->source->partner, partner) == 0)
			return true;
	}
	return false;
}

/* The next file by turns of the sources, or NULL. */
static struct file *
next_file(struct engine *e)
{
	for (size_t i = 0; i < e->source_count; i++) {
		struct source *s = e->sources[(e->next_due + i) % e->source_count];
		struct file *f;

		if (s->counts[FILE_DUE] == 0 || partner_is_busy(e, s->partner))
			continue;
		f = source_take(s);
		if (f != NULL) {
			e->next_due = (e->next_due + i + 1) % e->source_count;
			return f;
		}
	}
	return NULL;
}

static void
give(struct engine *e, struct worker *w, struct file *f)
{
	struct source *s = f->source;
	bool checked = s->config->checksum != NULL && !source_is_fetched(s);
	struct worker_request job = {.source = s->name,
	                             .partner = s->partner,
	                             .profile = s->config->profile,
	                             .checksum = checked ? s->config->checksum : NULL,
	                             .seen_us = f->seen_us,
	                             .crashed = f->crashed};

	snprintf(job.name, sizeof(job.name), "%s", f->name);
	if (!worker_give(w, WORKER_JOB, &job, s->dir, e->config->deadline_ms + f->print.size / BYTES_PER_MS, f)) {
		source_wait(f, FAILED_FIRST_MS, false);
		source_end(s);
	}
}

static struct worker *
idle_worker(struct engine *e)
{
	for (size_t i = 0; i < e->worker_count; i++)
		if (e->workers[i]->state == WORKER_IDLE && !e->workers[i]->retired && !e->workers[i]->waiting)
			return e->workers[i];
	return NULL;
}

/* ---- held files that may go ---- */

static void
want_release(struct engine *e)
{
	if (!e->release.wanted)
		e->release.wanted_ms = loop_now_ms();
	e->release.wanted = true;
}

void
engine_want_release(struct engine *e)
{
	want_release(e);
	e->release.due = true;
}

void
engine_release_in_time(struct engine *e)
{
	int64_t pause = e->release.failures > 0
	                    ? loop_backoff(e->release.failures, FAILED_FIRST_MS, FAILED_CEILING_MS)
	                    : e->config->rescan_ms;

	if (!e->once && loop_now_ms() - e->release.asked_ms >= pause)
		want_release(e);
}

/* How large the file will be is the worker's to find out: on_taken. */
static void
give_release(struct engine *e, struct worker *w)
{
	const struct worker_request job = {.file = e->release.crashed_file, .crashed = e->release.crashed};

	if (!worker_give(w, WORKER_RELEASE, &job, -1, e->config->deadline_ms, NULL))
		return;
	e->release.wanted = false;
	e->release.running = true;
	e->release.file = 0;
	e->release.asked_ms = loop_now_ms();
}

static bool
release_is_next(const struct engine *e, bool files)
{
	return e->release.wanted && !e->release.running &&
	       (!files || loop_now_ms() - e->release.wanted_ms > RELEASE_PATIENCE_MS);
}

void
engine_hand_out(struct engine *e)
{
	struct worker *w;
	struct file *f;

	while (!e->stopping && (w = idle_worker(e)) != NULL) {
		if (release_is_next(e, true))
			give_release(e, w);
		else if ((f = next_file(e)) != NULL)
			give(e, w, f);
		else if (release_is_next(e, false))
			give_release(e, w);
		else
			break;
	}
}

/* ---- ends ---- */

/* The one line of a file. */
static void
log_done(const struct file *f, const struct job_result *r)
{
	bool posted = strcmp(r->state, "posted") == 0, held = strcmp(r->state, "held") == 0;

	log_write(
	    held ? LOG_NOTICE : LOG_INFO,
	    posted ? "file posted"
	    : held ? "file held"
	           : "file known already: a duplicate",
	    LOG_FIELDS(log_text("source", f->source->name), log_text("partner", f->source->partner),
	               log_text("name", f->name), log_int("file_id", r->file_id),
	               log_text("reason", r->reason[0] != '\0' ? r->reason : NULL),
	               r->earlier > 0 ? log_int("same_bytes_as", r->earlier) : log_text("same_bytes_as", NULL),
	               log_int("records", r->records), log_int("confirmed", r->confirmed),
	               log_int("reversed", r->reversed), log_int("held", r->held), log_int("ms", r->ms)));
}

static void
count_done(struct engine_totals *t, const struct job_result *r)
{
	t->ms += (uint64_t) r->ms;
	if (strcmp(r->state, "posted") == 0) {
		t->posted++;
		t->held_records += (uint64_t) r->held;
		t->records += (uint64_t) r->records;
		t->confirmed += (uint64_t) r->confirmed;
		t->reversed += (uint64_t) r->reversed;
		t->already_applied += (uint64_t) r->already_applied;
		t->duplicate_record += (uint64_t) r->duplicate_record;
		t->informational += (uint64_t) r->informational;
		t->points += (uint64_t) r->points;
	} else if (strcmp(r->state, "held") == 0)
		t->held++;
	else
		t->duplicate++;
}

static void
log_unhandled(int level, const char *message, const struct file *f, const char *why, int64_t again_ms)
{
	log_write(level, message,
	          LOG_FIELDS(log_text("source", f->source->name), log_text("name", f->name), log_text("why", why),
	                     log_int("failures", f->failures), log_int("again_in_ms", again_ms)));
}

/* The worker's log names the file. */
static void
release_ended(struct engine *e, const struct job_result *r)
{
	e->release.running = false;
	if (r->crashed != 0 && e->release.file != 0) { /* for the next worker to count */
		e->release.crashed_file = e->release.file;
		e->release.crashed = r->crashed;
	}
	e->release.due = e->release.wanted && e->release.due; /* asked again meanwhile */
	e->release.failures = r->end == JOB_DONE || r->end == JOB_GONE ? 0 : e->release.failures + 1;
	if (r->end == JOB_DONE) {
		count_done(&e->totals, r);
		engine_want_release(e); /* there may be more */
	} else if (r->end != JOB_GONE) {
		e->totals.failed++;
		log_write(LOG_WARNING, "a held file that may go could not be handled now: it stays",
		          LOG_FIELDS(log_text("why", r->why), log_int("failures", e->release.failures)));
	}
	event_active(e->handout, 0, 0);
}

static void
on_ended(void *context, struct worker *w, const struct job_result *r)
{
	struct engine *e = context;
	struct file *f = w->job_of;
	struct source *s;
	int64_t ms;

	if (f == NULL) {
		release_ended(e, r);
		return;
	}
	s = f->source;
	w->job_of = NULL;
	f->crashed = r->crashed; /* for the next worker to count */
	switch (r->end) {
	case JOB_DONE:
		count_done(&e->totals, r);
		count_done(&s->totals, r);
		log_done(f, r);
		if (strcmp(r->state, "held") != 0 || strcmp(r->reason, "part_missing") == 0)
			engine_want_release(e); /* what waited for it, or its number; it may be the last part of a set */
		source_handled(f);
		if (s->sftp != NULL)
			sftp_archived(s->sftp, f->name, f->seen_us, r);
		source_remove_sidecar(s, f);
		/* it is gone, is another file by now, or could not be removed */
		scan_file(f, FILE_IN_PASSING);
		break;
	case JOB_GONE:
		e->totals.gone++;
		s->totals.gone++;
		/* gone, or in the hands of another daemon: the next scan shows it */
		source_wait(f, s->rescan_ms, true);
		scan_file(f, FILE_IN_PASSING);
		break;
	case JOB_BUSY:
		e->totals.busy++;
		s->totals.busy++;
		ms = loop_backoff(++f->failures, BUSY_FIRST_MS, BUSY_CEILING_MS);
		log_unhandled(LOG_DEBUG, "file is still being written", f, r->why, ms);
		source_wait(f, ms, true);
		break;
	case JOB_FAILED:
	case JOB_LOST:
	case JOB_BROKEN:
		e->totals.failed++;
		s->totals.failed++;
		ms = loop_backoff(++f->failures, FAILED_FIRST_MS, FAILED_CEILING_MS);
		log_unhandled(LOG_WARNING, "file could not be handled now: it stays", f, r->why, ms);
		source_wait(f, ms, false);
		break;
	}
	source_end(s);
	event_active(e->handout, 0, 0);
}

static void
on_idle(void *context, struct worker *w)
{
	struct engine *e = context;

	(void) w;
	e->was_ready = true;
	event_active(e->handout, 0, 0);
}

/* Up to here since the file was given to its worker. */
static void
count_stage(struct engine *e, const struct file *f)
{
	for (size_t i = 0; i < ENGINE_STAGES; i++) {
		struct engine_stage *stage = &e->stages[i];

		if (stage->name[0] == '\0')
			snprintf(stage->name, sizeof(stage->name), "%s", f->stage);
		if (strcmp(stage->name, f->stage) == 0) {
			stage->ms += loop_now_ms() - f->since_ms;
			return;
		}
	}
}

static void
on_stage(void *context, struct worker *w, const char *stage, int64_t records)
{
	struct engine *e = context;
	struct file *f = w->job_of;

	if (f == NULL)
		return; /* a release */
	if (strcmp(f->stage, stage) != 0) {
		snprintf(f->stage, sizeof(f->stage), "%s", stage);
		count_stage(e, f);
	}
	f->stage_records = records;
	if (strcmp(stage, "committed") == 0) {
		f->committed = true;
		event_active(e->handout, 0, 0);
	}
	log_write(LOG_DEBUG, "stage",
	          LOG_FIELDS(log_text("source", f->source->name), log_text("name", f->name),
	                     log_text("stage", stage), log_int("records", records)));
	e->calls->changed(e->context);
}

/* Whoever takes the file counts the death over it. */
static void
on_taken(void *context, struct worker *w, int64_t file, int64_t bytes)
{
	struct engine *e = context;

	worker_patience(w, e->config->deadline_ms + bytes / BYTES_PER_MS);
	e->release.file = file;
	if (file == e->release.crashed_file) {
		e->release.crashed_file = 0;
		e->release.crashed = 0;
	}
}

static void
on_retried(void *context, int64_t times)
{
	struct engine *e = context;

	e->retries += (uint64_t) times;
}

static void
on_off(void *context, struct worker *w)
{
	struct engine *e = context;

	(void) w;
	event_active(e->handout, 0, 0); /* which clears away retired ones, outside of their own calls */
}

const struct worker_calls engine_worker_calls = {on_idle,    on_taken,           on_stage, on_ended,
                                                 on_retried, engine_on_database, on_off};
