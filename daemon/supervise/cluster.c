#include "daemon/supervise/cluster.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "daemon/loop.h"
#include "daemon/supervise/child.h"
#include "lib/base/log.h"
#include "lib/embedded/embedded.h"

#define START_WAIT_MS 60000 /* recovery after a crash */
#define STOP_MS 2000
#define CHECK_MS 2000 /* how often we ask a server that is not our child whether it is still there */
#define STEADY_MS 60000
#define BACKOFF_CEILING_MS 30000

struct cluster {
	struct event_base *base;
	struct embedded *embedded;
	struct child *child; /* NULL: it is not ours, or not running */
	struct event *timer;
	unsigned failures;
	int64_t started_ms;
};

static void watch_child(struct cluster *c);

static void
start_later(struct cluster *c)
{
	if (loop_now_ms() - c->started_ms > STEADY_MS)
		c->failures = 0;
	c->failures++;
	loop_after(c->timer, loop_backoff(c->failures, 200, BACKOFF_CEILING_MS));
}

static void
on_ended(void *context, int status, const char *why)
{
	struct cluster *c = context;
	pid_t pid = embedded_pid(c->embedded);

	(void) why;
	embedded_reaped(c->embedded, pid);
	child_free(c->child);
	c->child = NULL;
	log_write(LOG_ERR, "the embedded PostgreSQL ended: starting it again",
	          LOG_FIELDS(log_int("pid", pid), log_int("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
	                     log_int("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0)));
	start_later(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *context)
{
	struct cluster *c = context;

	(void) fd;
	(void) what;
	/* at most 200 ms when it hangs, and only where somebody else keeps the server */
	if (embedded_pid(c->embedded) == 0 && embedded_answers(c->embedded)) {
		loop_after(c->timer, CHECK_MS);
		return;
	}
	c->started_ms = loop_now_ms();
	if (embedded_start(c->embedded) == 0 || errno == EALREADY) {
		log_write(LOG_NOTICE, "embedded PostgreSQL started", LOG_FIELDS(log_int("pid", cluster_pid(c))));
		watch_child(c);
		return;
	}
	log_write(LOG_ERR, "the embedded PostgreSQL cannot be started", LOG_FIELDS(log_errno(errno)));
	start_later(c);
}

/* Waits for the end of our child, or asks from time to time when it is not ours. */
static void
watch_child(struct cluster *c)
{
	static const struct child_calls calls = {.ended = on_ended, .priority = LOOP_FILES};
	pid_t pid = embedded_pid(c->embedded);

	c->child = pid > 0 ? child_adopt(c->base, pid, &calls, c) : NULL;
	if (c->child == NULL)
		loop_after(c->timer, CHECK_MS);
}

struct cluster *
cluster_new(struct event_base *base, const struct config *config, char *why, size_t why_size)
{
	struct cluster *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->timer = evtimer_new(base, on_timer, c)) == NULL) {
		snprintf(why, why_size, "out of memory");
		free(c);
		return NULL;
	}
	c->base = base;
	c->embedded =
	    embedded_open(config->database_embedded, config->database_user, START_WAIT_MS, why, why_size);
	if (c->embedded == NULL) {
		cluster_free(c);
		return NULL;
	}
	c->started_ms = loop_now_ms();
	watch_child(c);
	return c;
}

void
cluster_free(struct cluster *c)
{
	if (c == NULL)
		return;
	child_disown(c->child); /* embedded_close stops and reaps it */
	event_free(c->timer);
	embedded_close(c->embedded, STOP_MS);
	free(c);
}

pid_t
cluster_pid(const struct cluster *c)
{
	return c != NULL ? embedded_pid(c->embedded) : 0;
}
