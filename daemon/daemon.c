#include "daemon/daemon.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/engine.h"
#include "daemon/loop.h"
#include "daemon/notifications.h"
#include "daemon/notify.h"
#include "daemon/serve/control.h"
#include "daemon/serve/metrics.h"
#include "daemon/serve/status.h"
#include "daemon/setup.h"
#include "daemon/supervise/cluster.h"
#include "lib/base/exit_codes.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"

#define STOP_MS 2500  /* for jobs in hand; with the embedded database's 2 s: gone in 5 s */
#define PULSE_MS 1000 /* at most; a third of systemd's watchdog where that is less */
#define LATE_MS 1000  /* of the loop: is logged */
#define READY_MS 5000 /* for the database; a daemon counts as started after that without it, and waits */
#define ONCE_READY_MS 30000 /* ... and a run gives up */
#define ONCE_ATTEMPTS 3     /* of each worker to start, before a run gives up */

struct daemon {
	struct event_base *base;
	bool once, stopping, ready_told;
	struct cluster *cluster;
	struct engine *engine;
	struct control *control;
	struct metrics *metrics;
	struct notifications *notifications;
	struct loop_heartbeat *heartbeat;
	struct event *signals[3];
	int64_t began_ms;
	struct status_facts facts;
	char reload_error[LIMIT_MESSAGE_BYTES];
	int status; /* to exit with */
};

/* ---- what is reported ---- */

static void
write_status(void *context, struct evbuffer *out)
{
	struct daemon *d = context;

	d->facts.database = d->engine->config->database_embedded != NULL ? "embedded" : "conninfo";
	d->facts.database_pid = cluster_pid(d->cluster);
	status_write(out, d->engine, &d->facts);
}

static const struct control_calls control_calls = {write_status};

static void
tell_words(struct daemon *d)
{
	char words[256];

	status_words(words, sizeof(words), d->engine);
	notify_status(words);
}

static void on_changed(void *context);

static void
on_heartbeat(void *context, int64_t late_ms, int64_t worst_ms)
{
	struct daemon *d = context;

	d->facts.late_ms = late_ms;
	d->facts.worst_late_ms = worst_ms;
	notify_watchdog();
	if (!d->ready_told)
		notify_starting();
	if (!d->stopping)
		tell_words(d);
	if (late_ms > LATE_MS)
		log_write(LOG_WARNING, "the loop was late", LOG_FIELDS(log_int("ms", late_ms)));
	on_changed(d); /* time has passed */
}

/* ---- start and end ---- */

/* Has every worker failed to start so often? */
static bool
workers_failed(const struct engine *e, unsigned attempts)
{
	for (size_t i = 0; i < e->worker_count; i++)
		if (e->workers[i]->failures < attempts)
			return false;
	return e->worker_count > 0;
}

static void
stop(struct daemon *d, int64_t patience_ms)
{
	if (!d->stopping) {
		notify_stopping();
		log_write(LOG_NOTICE, "stopping", NULL);
	}
	d->stopping = true;
	d->facts.state = "stopping";
	control_free(d->control);
	d->control = NULL;
	engine_stop(d->engine, patience_ms);
}

/* A run ends when nothing is due, or when no worker can start. */
static void
end_run(struct daemon *d)
{
	const struct engine *e = d->engine;

	if (e->was_ready && engine_is_quiet(e)) {
		d->status = e->totals.failed > 0 || engine_failing(e) > 0 ? EXIT_FAILED
		            : e->totals.held + e->totals.held_records > 0 ? EXIT_HELD
		                                                          : EXIT_CLEAN;
		stop(d, STOP_MS);
	} else if (!e->was_ready && workers_failed(e, ONCE_ATTEMPTS)) {
		int last = e->workers[0]->last_exit;

		d->status = WIFEXITED(last) && WEXITSTATUS(last) != 0 ? WEXITSTATUS(last) : EXIT_INTERNAL;
		log_write(LOG_ERR, "no worker can start", NULL);
		stop(d, STOP_MS);
	} else if (!e->was_ready && loop_now_ms() - d->began_ms > ONCE_READY_MS) {
		d->status = EXIT_UNAVAILABLE;
		log_write(LOG_ERR, "no worker is ready: see what they say of the database", NULL);
		stop(d, STOP_MS);
	}
}

static bool
all_scanned(const struct engine *e)
{
	for (size_t i = 0; i < e->source_count; i++)
		if (e->sources[i]->finished_scan == 0)
			return false;
	return true;
}

static void
on_changed(void *context)
{
	struct daemon *d = context;

	if (d->stopping || d->engine == NULL)
		return;
	if (d->once) {
		end_run(d);
		return;
	}
	control_changed(d->control);
	/* the sources, the spool and the database were looked at: what is not there now is waited for */
	if (!d->ready_told && all_scanned(d->engine) &&
	    (d->engine->was_ready || loop_now_ms() - d->began_ms > READY_MS)) {
		d->ready_told = true;
		d->facts.state = "running";
		tell_words(d);
		notify_ready();
		log_write(LOG_NOTICE, d->engine->was_ready ? "running" : "running, but no worker is ready yet",
		          LOG_FIELDS(log_int("sources", (int64_t) d->engine->source_count),
		                     log_int("workers", (int64_t) d->engine->worker_count)));
	}
}

static void
on_stopped(void *context)
{
	struct daemon *d = context;

	event_base_loopbreak(d->base);
}

static const struct engine_calls engine_calls = {on_changed, on_stopped};

/* ---- signals ---- */

static void
on_stop_signal(evutil_socket_t number, short what, void *context)
{
	struct daemon *d = context;

	(void) number;
	(void) what;
	d->status =
	    d->once ? EXIT_FAILED : EXIT_CLEAN; /* a run that was broken off has not done all that was due */
	stop(d, STOP_MS);
}

static void
log_problems(const struct problems *p, int level)
{
	for (size_t i = 0; problems_line(p, i) != NULL; i++)
		log_write(level, "configuration", LOG_FIELDS(log_text("problem", problems_line(p, i))));
}

/* The new configuration in place of the old one; or what is the matter in d->reload_error. */
static bool
take_configuration(struct daemon *d, struct problems *p)
{
	struct config *config;
	const char *fixed;
	int fd;

	if (setup_config(d->engine->config->path, p, &config, &fd) < 0) {
		snprintf(d->reload_error, sizeof(d->reload_error), "%s", problems_line(p, 0));
		return false;
	}
	fixed = config_needs_restart(d->engine->config, config);
	if (fixed == NULL) {
		setup_incoming(config);
		if (engine_configure(d->engine, config, fd)) {
			notifications_configure(d->notifications, config);
			return true;
		}
		snprintf(d->reload_error, sizeof(d->reload_error), "out of memory");
	} else
		snprintf(d->reload_error, sizeof(d->reload_error),
		         "%s cannot be changed by a reload: restart handbackd", fixed);
	config_free(config);
	close(fd);
	return false;
}

static void
on_reload_signal(evutil_socket_t number, short what, void *context)
{
	struct daemon *d = context;
	struct problems *p;
	bool taken;

	(void) number;
	(void) what;
	if (d->stopping || d->once || (p = problems_new(d->engine->config->path)) == NULL)
		return;
	notify_reloading();
	taken = take_configuration(d, p);
	log_problems(p, taken ? LOG_WARNING : LOG_ERR);
	if (taken) {
		log_set_level(d->engine->config->log_level);
		log_write(LOG_NOTICE, "reloaded", LOG_FIELDS(log_int("sources", (int64_t) d->engine->source_count)));
	} else
		log_write(LOG_ERR, "not reloaded: the old configuration stays",
		          LOG_FIELDS(log_text("why", d->reload_error)));
	d->facts.reload_error = taken ? NULL : d->reload_error;
	d->facts.reloaded_us = loop_wall_us();
	problems_free(p);
	tell_words(d);
	notify_ready();
}

static bool
catch_signals(struct daemon *d)
{
	static const struct {
		int number;
		event_callback_fn call;
	} caught[] = {{SIGTERM, on_stop_signal}, {SIGINT, on_stop_signal}, {SIGHUP, on_reload_signal}};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		d->signals[i] = evsignal_new(d->base, caught[i].number, caught[i].call, d);
		if (d->signals[i] == NULL || event_priority_set(d->signals[i], LOOP_FIRST) < 0 ||
		    event_add(d->signals[i], NULL) < 0)
			return false;
	}
	return true;
}

/* ---- life ---- */

/* Everything that has to be there before the loop runs; false and a message.  Takes config and config_fd. */
static bool
set_up(struct daemon *d, struct config *config, int config_fd, char *why, size_t why_size)
{
	int64_t watchdog_ms = notify_watchdog_ms(), every_ms = PULSE_MS;

	snprintf(why, why_size, "out of memory");
	d->base = loop_new();
	if (d->base == NULL || !catch_signals(d))
		goto failed;
	notify_status("starting");
	if (config->database_embedded != NULL &&
	    (d->cluster = cluster_new(d->base, config, why, why_size)) == NULL)
		goto failed;
	d->engine = engine_new(d->base, config, config_fd, d->once, &engine_calls, d, why, why_size);
	if (d->engine == NULL)
		goto failed;
	if (watchdog_ms > 0 && watchdog_ms / 3 < every_ms)
		every_ms = watchdog_ms / 3;
	d->heartbeat = loop_heartbeat_new(d->base, every_ms, on_heartbeat, d);
	if (d->heartbeat == NULL)
		return false;
	if (!d->once && (d->notifications = notifications_new(d->base, d->engine->config)) == NULL)
		return false;
	if (!d->once && d->engine->config->metrics != NULL) {
		d->metrics = metrics_new(d->base, d->engine->config->metrics, &d->facts, why, why_size);
		if (d->metrics == NULL)
			return false;
		metrics_of(d->metrics, d->engine);
	}
	if (!d->once)
		d->control = control_new(d->base, config->control, d->engine, &control_calls, d, why, why_size);
	return d->once || d->control != NULL;
failed:
	config_free(config);
	close(config_fd);
	return false;
}

int
daemon_run(struct config *config, int config_fd, bool once)
{
	char why[LIMIT_MESSAGE_BYTES];
	struct daemon d = {.once = once,
	                   .began_ms = loop_now_ms(),
	                   .ready_told = once,
	                   .facts = {.state = "starting", .started_us = loop_wall_us()}};
	int lock = setup_spool(config, why, sizeof(why));

	d.status = EXIT_UNAVAILABLE;
	if (lock < 0) {
		config_free(config);
		close(config_fd);
		log_write(LOG_ERR, "cannot start", LOG_FIELDS(log_text("why", why)));
	} else if (!set_up(&d, config, config_fd, why, sizeof(why)))
		log_write(LOG_ERR, "cannot start", LOG_FIELDS(log_text("why", why)));
	else {
		event_base_dispatch(d.base);
		log_write(LOG_NOTICE, "stopped", LOG_FIELDS(log_int("status", d.status)));
	}
	loop_heartbeat_free(d.heartbeat);
	control_free(d.control);
	metrics_free(d.metrics);
	notifications_free(d.notifications);
	engine_free(d.engine);
	cluster_free(d.cluster);
	for (size_t i = 0; i < sizeof(d.signals) / sizeof(d.signals[0]); i++)
		if (d.signals[i] != NULL)
			event_free(d.signals[i]);
	if (d.base != NULL)
		event_base_free(d.base);
	if (lock >= 0)
		close(lock);
	return d.status;
}
