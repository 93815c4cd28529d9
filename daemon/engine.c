/* Sources and workers put together: configuration, start and stop. */
#include "daemon/engine.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "daemon/notifications.h"
#include "lib/base/log.h"
#include "lib/base/paths.h"

/* ---- servers ---- */

static void
on_sftp_changed(void *context)
{
	struct engine *e = context;

	event_active(e->handout, 0, 0);
}

static void
on_brought(void *context, struct sftp *sftp)
{
	struct engine *e = context;

	for (size_t i = 0; i < e->source_count; i++)
		if (e->sources[i]->sftp == sftp)
			scan_begin(e->sources[i]);
}

static void
on_sftp_off(void *context, struct sftp *sftp)
{
	struct engine *e = context;

	TAILQ_REMOVE(&e->sftps, sftp, others);
	sftp_source_free(sftp);
	event_active(e->handout, 0, 0);
}

static void
on_notification(void *context, const struct notification *notification)
{
	struct engine *e = context;

	notifications_keep(e->config, notification);
}

static const struct sftp_calls sftp_calls = {on_sftp_changed, on_brought, on_sftp_off, on_notification};

/* ---- workers ---- */

/* As many as the configuration says; too many are asked to leave. */
static bool
adjust_workers(struct engine *e)
{
	size_t wanted = e->stopping ? 0 : (size_t) e->config->workers, have = 0;

	for (size_t i = 0; i < e->worker_count; i++) {
		if (e->workers[i]->retired)
			continue;
		if (have++ >= wanted)
			worker_retire(e->workers[i]);
	}
	for (; have < wanted && e->worker_count < ENGINE_WORKERS; have++) {
		struct worker *w = worker_new(e->base, e->last_number + 1, &e->program, &engine_worker_calls, e);

		if (w == NULL)
			return false;
		e->last_number++;
		e->workers[e->worker_count++] = w;
	}
	return true;
}

/* One more child of the same kind, that is never given a file. */
static void
collector_idle(void *context, struct worker *w)
{
	(void) context;
	(void) w;
}

static void
collector_retried(void *context, int64_t times)
{
	(void) context;
	(void) times;
}

static void
collector_off(void *context, struct worker *w)
{
	struct engine *e = context;

	(void) w;
	event_active(e->handout, 0, 0);
}

static const struct worker_calls collector_calls = {
    .idle = collector_idle, .retried = collector_retried, .off = collector_off};

static bool
start_collector(struct engine *e)
{
	if (e->once || e->config->metrics == NULL)
		return true;
	e->collector = worker_new(e->base, 0, &e->collector_program, &collector_calls, e);
	return e->collector != NULL;
}

static void
clear_retired(struct engine *e)
{
	size_t kept = 0;

	if (e->collector != NULL && e->collector->retired && e->collector->state == WORKER_OFF) {
		worker_free(e->collector);
		e->collector = NULL;
	}
	for (size_t i = 0; i < e->worker_count; i++)
		if (e->workers[i]->retired && e->workers[i]->state == WORKER_OFF) {
			e->starts += e->workers[i]->starts;
			worker_free(e->workers[i]);
		} else
			e->workers[kept++] = e->workers[i];
	e->worker_count = kept;
}

static void
on_handout(evutil_socket_t fd, short what, void *context)
{
	struct engine *e = context;

	(void) fd;
	(void) what;
	clear_retired(e);
	engine_hand_out(e);
	e->calls->changed(e->context);
	if (e->stopping && e->worker_count == 0 && e->collector == NULL && TAILQ_EMPTY(&e->sftps))
		e->calls->stopped(e->context);
}

static void
on_patience(evutil_socket_t fd, short what, void *context)
{
	struct engine *e = context;

	(void) fd;
	(void) what;
	for (size_t i = 0; i < e->worker_count; i++)
		worker_kill(e->workers[i], "it did not finish in time for the stop");
	if (e->collector != NULL)
		worker_kill(e->collector, "it did not finish in time for the stop");
	for (struct sftp *sftp = TAILQ_FIRST(&e->sftps); sftp != NULL; sftp = TAILQ_NEXT(sftp, others))
		sftp_kill(sftp);
}

/* ---- configuration ---- */

/* The source that goes on: the same name, partner and directory. */
static struct source *
same_source(const struct engine *e, const struct config_source *config)
{
	for (size_t i = 0; i < e->source_count; i++) {
		struct source *s = e->sources[i];

		if (strcmp(s->name, config->name) == 0 && strcmp(s->partner, config->partner) == 0 &&
		    strcmp(s->config->directory, config->directory) == 0 &&
		    (s->sftp != NULL) == (config->sftp.host != NULL))
			return s;
	}
	return NULL;
}

static bool
is_in(struct source *const *sources, size_t count, const struct source *s)
{
	for (size_t i = 0; i < count; i++)
		if (sources[i] == s)
			return true;
	return false;
}

/* A source of a new configuration, with its fetcher where its files come from a server. */
static struct source *
make_source(struct engine *e, const struct config *config, const struct config_source *mine)
{
	struct sftp *sftp = NULL;
	struct source *s;

	if (mine->sftp.host != NULL) {
		sftp = sftp_source_new(e->base, mine, e->fetch_path, e->once, &sftp_calls, e);
		if (sftp == NULL)
			return NULL;
		TAILQ_INSERT_TAIL(&e->sftps, sftp, others);
	}
	s = source_new(e->base, mine, config->rescan_ms, e->once, &engine_source_calls, e);
	if (s != NULL)
		s->sftp = sftp;
	else if (sftp != NULL)
		sftp_source_close(sftp);
	return s;
}

static void
close_source(struct engine *e, struct source *s)
{
	struct sftp *sftp = s->sftp;

	engine_unwatch(e, s);
	s->sftp = NULL;
	source_close(s);
	if (sftp != NULL)
		sftp_source_close(sftp);
}

static void
reconfigure_source(const struct config *config, struct source *s, const struct config_source *mine)
{
	if (s->sftp != NULL)
		sftp_configure(s->sftp, mine);
	source_configure(s, mine, config->rescan_ms);
	scan_begin(s);
}

static bool
configure_sources(struct engine *e, const struct config *config)
{
	struct source **next = calloc(config->source_count + 1, sizeof(*next)), **before = e->sources;
	size_t count_before = e->source_count, made = 0;
	bool whole = next != NULL;

	for (; whole && made < config->source_count; made++) {
		next[made] = same_source(e, &config->sources[made]);
		if (next[made] == NULL)
			next[made] = make_source(e, config, &config->sources[made]);
		whole = next[made] != NULL;
	}
	if (!whole) {
		for (size_t i = 0; next != NULL && i < made; i++)
			if (next[i] != NULL && !is_in(before, count_before, next[i]))
				close_source(e, next[i]);
		free(next);
		return false;
	}
	for (size_t i = 0; i < config->source_count; i++)
		if (is_in(before, count_before, next[i]))
			reconfigure_source(config, next[i], &config->sources[i]);
	/* a source that is closed may be gone at once: it is not in the list any more */
	e->sources = next;
	e->source_count = config->source_count;
	for (size_t i = 0; i < count_before; i++)
		if (!is_in(next, config->source_count, before[i]))
			close_source(e, before[i]);
	e->next_due = e->next_scan = 0;
	free(before);
	return true;
}

bool
engine_configure(struct engine *e, struct config *config, int config_fd)
{
	if (!configure_sources(e, config))
		return false;
	config_free(e->config);
	close(e->config_fd);
	e->config = config;
	e->program.config = config->path;
	e->collector_program.config = config->path;
	e->config_fd = e->program.config_fd = e->collector_program.config_fd = config_fd;
	/* they have read the old one: let them go, with what they have in hand finished */
	for (size_t i = 0; i < e->worker_count; i++)
		worker_finish(e->workers[i]);
	if (e->collector != NULL)
		worker_finish(e->collector);
	if (!adjust_workers(e))
		log_write(LOG_WARNING, "fewer workers than configured: no memory for more", NULL);
	return true;
}

/* ---- life ---- */

static bool
make_events(struct engine *e)
{
	e->scans = evtimer_new(e->base, engine_on_scans, e);
	e->handout = evtimer_new(e->base, on_handout, e);
	e->patience = evtimer_new(e->base, on_patience, e);
	return e->scans != NULL && e->handout != NULL && e->patience != NULL &&
	       event_priority_set(e->scans, LOOP_SCANS) == 0 && event_priority_set(e->handout, LOOP_FILES) == 0 &&
	       event_priority_set(e->patience, LOOP_FIRST) == 0;
}

struct engine *
engine_new(struct event_base *base, struct config *config, int config_fd, bool once,
           const struct engine_calls *calls, void *context, char *why, size_t why_size)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (e == NULL) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	*e = (struct engine){.base = base, .config_fd = -1, .once = once, .calls = calls, .context = context};
	if (!paths_program(e->program_path, sizeof(e->program_path), "handback-reconcile")) {
		snprintf(why, why_size, "handback-reconcile is not where it should be: %s", strerrordesc_np(errno));
		free(e);
		return NULL;
	}
	/* only metrics need it; a start that fails says so */
	if (!paths_program(e->collector_path, sizeof(e->collector_path), "handback-collect"))
		snprintf(e->collector_path, sizeof(e->collector_path), "handback-collect");
	/* only sources on a server need it; theirs is the complaint when it is missing */
	if (!paths_program(e->fetch_path, sizeof(e->fetch_path), "handback-fetch"))
		e->fetch_path[0] = '\0';
	TAILQ_INIT(&e->sftps);
	e->program =
	    (struct worker_program){"handback-reconcile", e->program_path, "--worker", config->path, config_fd};
	e->collector_program =
	    (struct worker_program){"handback-collect", e->collector_path, NULL, config->path, config_fd};
	engine_want_release(e);
	e->watch = once ? NULL : watch_new(base, &engine_watch_calls, e);
	if (!once && e->watch == NULL)
		log_write(LOG_WARNING, "inotify is not available: polling only, each `rescan`",
		          LOG_FIELDS(log_errno(errno)));
	e->config = config;
	if (make_events(e) && configure_sources(e, config) && adjust_workers(e) && start_collector(e)) {
		e->config_fd = config_fd;
		return e;
	}
	e->config = NULL; /* still the caller's */
	engine_free(e);
	snprintf(why, why_size, "out of memory");
	return NULL;
}

void
engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->worker_count; i++) {
		struct file *f = e->workers[i]->job ? e->workers[i]->job_of : NULL;

		if (f != NULL) { /* so that its source can go */
			source_wait(f, 0, false);
			source_end(f->source);
		}
		worker_free(e->workers[i]);
	}
	worker_free(e->collector);
	for (size_t i = 0; i < e->source_count; i++)
		close_source(e, e->sources[i]);
	free(e->sources);
	for (struct sftp *sftp; (sftp = TAILQ_FIRST(&e->sftps)) != NULL;) {
		TAILQ_REMOVE(&e->sftps, sftp, others);
		sftp_source_free(sftp);
	}
	watch_free(e->watch);
	if (e->scans != NULL)
		event_free(e->scans);
	if (e->handout != NULL)
		event_free(e->handout);
	if (e->patience != NULL)
		event_free(e->patience);
	if (e->config_fd >= 0)
		close(e->config_fd);
	config_free(e->config);
	free(e);
}

void
engine_stop(struct engine *e, int64_t patience_ms)
{
	if (e->stopping)
		return;
	e->stopping = true;
	while (e->source_count > 0) {
		struct source *last = e->sources[--e->source_count]; /* out of the list before it may be gone */

		close_source(e, last);
	}
	adjust_workers(e);
	if (e->collector != NULL)
		worker_retire(e->collector);
	loop_after(e->patience, patience_ms);
	event_active(e->handout, 0, 0);
}

/* A release is under way, or about to be. */
static bool
is_releasing(const struct engine *e)
{
	if (!e->release.due)
		return false;
	for (size_t i = 0; i < e->worker_count && e->release.wanted; i++)
		if (e->workers[i]->state == WORKER_IDLE && !e->workers[i]->retired)
			return true;
	return e->release.running;
}

bool
engine_is_quiet(const struct engine *e)
{
	if (is_releasing(e))
		return false;
	for (size_t i = 0; i < e->source_count; i++)
		if (!scan_is_done(e->sources[i]) || source_open_files(e->sources[i]) > 0 ||
		    (e->once && e->sources[i]->sftp != NULL && !sftp_is_quiet(e->sources[i]->sftp)))
			return false;
	return true;
}

size_t
engine_failing(const struct engine *e)
{
	size_t failing = 0;

	for (size_t i = 0; i < e->source_count; i++)
		failing += e->sources[i]->last == SCAN_FAILED ||
		           (e->sources[i]->sftp != NULL && e->sources[i]->sftp->failures > 0);
	return failing;
}

size_t
engine_waiting(const struct engine *e)
{
	size_t waiting = 0;

	for (size_t i = 0; i < e->source_count; i++)
		waiting += e->sources[i]->counts[FILE_WAITING];
	return waiting;
}
