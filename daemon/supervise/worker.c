/* The process of a worker.  What it says is in worker_say.c. */
#include "daemon/supervise/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "lib/base/exit_codes.h"
#include "lib/base/log.h"
#include "lib/base/spawn.h"

#define START_DEADLINE_MS 60000 /* until `ready` */
#define STEADY_MS 10000         /* ran so long: what ends it then has nothing to do with its start */
#define LINES_PER_S 1000        /* more is not a worker that reports */
#define FIRST_BACKOFF_MS 100
#define BACKOFF_CEILING_MS 30000

const char *const worker_state_words[WORKER_STATES] = {"off", "starting", "idle", "busy", "leaving"};

pid_t
worker_pid(const struct worker *w)
{
	return w->child != NULL ? child_pid(w->child) : 0;
}

void
worker_kill(struct worker *w, const char *why)
{
	if (w->child == NULL)
		return;
	w->state = WORKER_LEAVING;
	event_del(w->timer);
	child_kill(w->child, why);
}

/* Its exit follows. */
static void
on_closed(void *context)
{
	struct worker *w = context;

	w->closed = true;
	if (w->state != WORKER_LEAVING)
		loop_after(w->timer, WORKER_LEAVE_MS);
}

static void
how_it_ended(const char *why, int status, char *buf, size_t size)
{
	if (why[0] != '\0')
		snprintf(buf, size, "%s", why);
	else if (WIFSIGNALED(status))
		snprintf(buf, size, "it was killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == EXIT_UNAVAILABLE)
		snprintf(buf, size, "cannot use the database or the spool: see its own message");
	else if (WEXITSTATUS(status) == EXIT_USAGE)
		snprintf(buf, size, "it does not like the configuration (see its own message)");
	else
		snprintf(buf, size, "it ended with status %d", WEXITSTATUS(status));
}

/* The signal of a fault of the worker's own: what ends it from outside, as a kill or a lack of memory, is
 * none. */
static int
own_fault(const char *why, int status)
{
	static const int faults[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

	for (size_t i = 0; why[0] == '\0' && WIFSIGNALED(status) && i < sizeof(faults) / sizeof(faults[0]); i++)
		if (WTERMSIG(status) == faults[i])
			return faults[i];
	return 0;
}

static void start(struct worker *w);

static void
on_ended(void *context, int status, const char *why)
{
	struct worker *w = context;
	struct job_result result = {.end = JOB_BROKEN, .crashed = own_fault(why, status)};
	bool expected = w->state == WORKER_LEAVING && why[0] == '\0' && !w->job, had_job;
	pid_t pid = w->pid;

	how_it_ended(why, status, result.why, sizeof(result.why));
	child_free(w->child);
	w->child = NULL;
	event_del(w->timer);
	w->last_exit = status;
	had_job = w->job;
	if (expected || (w->ready_ms != 0 && loop_now_ms() - w->ready_ms > STEADY_MS))
		w->failures = 0;
	w->failures += !expected;
	log_write(expected ? LOG_DEBUG : LOG_ERR, "worker ended",
	          LOG_FIELDS(log_int("worker", w->number), log_int("pid", pid), log_text("why", result.why)));
	w->ready_ms = 0;
	w->state = WORKER_OFF;
	if (had_job)
		worker_end_job(w, &result);
	if (!w->retired)
		loop_after(w->timer,
		           w->failures == 0 ? 0 : loop_backoff(w->failures, FIRST_BACKOFF_MS, BACKOFF_CEILING_MS));
	w->calls->off(w->context, w);
}

static void
on_timer(evutil_socket_t fd, short what, void *context)
{
	struct worker *w = context;
	char why[96];

	(void) fd;
	(void) what;
	if (w->state == WORKER_OFF) {
		start(w);
		return;
	}
	if (w->closed || (w->state == WORKER_LEAVING && !w->job))
		snprintf(why, sizeof(why), "it did not leave");
	else if (w->state == WORKER_STARTING)
		snprintf(why, sizeof(why), "it was not ready after %d s", START_DEADLINE_MS / 1000);
	else
		snprintf(why, sizeof(why), "it said nothing for %lld ms", (long long) w->deadline_ms);
	worker_kill(w, why);
}

/* The configuration's bytes with a reading position of the worker's own; -1 with errno. */
static int
reopen(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static const struct child_calls process_calls = {.line = worker_take_line,
                                                 .closed = on_closed,
                                                 .ended = on_ended,
                                                 .priority = LOOP_FIRST,
                                                 .lines_per_s = LINES_PER_S,
                                                 .ends_by_noise = true};

/* 0, or -1 with errno. */
static int
start_process(struct worker *w)
{
	char number[16];
	const char *const argv[] = {w->program->name,   "--config", w->program->config,
	                            w->program->option, number,     NULL};
	int config = reopen(w->program->config_fd), saved;
	const struct spawn_fd fds[] = {{STDERR_FILENO, STDERR_FILENO}, {config, 4}};
	const struct spawn s = {
	    .path = w->program->path, .argv = argv, .env = spawn_environment(), .fds = fds, .fd_count = 2};

	snprintf(number, sizeof(number), "%d", w->number);
	if (config < 0)
		return -1;
	w->turn = WORKER_TURN_STARTING;
	w->waiting = false;
	w->closed = false;
	w->child = child_start(w->base, &s, NULL, NULL, &process_calls, w);
	saved = errno;
	close(config);
	errno = saved;
	return w->child != NULL ? 0 : -1;
}

static void
start(struct worker *w)
{
	w->starts++;
	if (start_process(w) == 0) {
		w->pid = child_pid(w->child);
		w->state = WORKER_STARTING;
		loop_after(w->timer, START_DEADLINE_MS);
		return;
	}
	w->failures++;
	log_write(
	    LOG_ERR, "a worker cannot be started",
	    LOG_FIELDS(log_int("worker", w->number), log_text("program", w->program->path), log_errno(errno)));
	loop_after(w->timer, loop_backoff(w->failures, FIRST_BACKOFF_MS, BACKOFF_CEILING_MS));
	w->calls->off(w->context, w);
}

struct worker *
worker_new(struct event_base *base, int number, const struct worker_program *program,
           const struct worker_calls *calls, void *context)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->base = base;
	w->number = number;
	w->program = program;
	w->calls = calls;
	w->context = context;
	w->timer = evtimer_new(base, on_timer, w);
	if (w->timer == NULL || event_priority_set(w->timer, LOOP_FIRST) < 0 || loop_after(w->timer, 0) < 0) {
		worker_free(w);
		return NULL;
	}
	return w;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	child_free(w->child);
	if (w->timer != NULL)
		event_free(w->timer);
	free(w);
}

bool
worker_is_ready(const struct worker *w)
{
	return (w->state == WORKER_IDLE || w->state == WORKER_BUSY) && !w->waiting;
}

bool
worker_give(struct worker *w, enum worker_message message, const struct worker_request *job, int dir,
            int64_t deadline_ms, void *job_of)
{
	struct message_line line;
	bool fits = worker_request_encode(&line, &w->turn, message, job);

	if (!fits || !child_send(w->child, line.text, line.length, dir)) {
		worker_kill(w, fits ? "it takes no job" : "a job that does not fit into a message");
		return false;
	}
	w->state = WORKER_BUSY;
	w->job = true;
	w->job_of = job_of;
	w->deadline_ms = deadline_ms;
	loop_after(w->timer, deadline_ms);
	return true;
}

void
worker_patience(struct worker *w, int64_t deadline_ms)
{
	w->deadline_ms = deadline_ms;
	loop_after(w->timer, deadline_ms);
}

void
worker_finish(struct worker *w)
{
	if (w->child == NULL || w->state == WORKER_LEAVING)
		return;
	child_send_end(w->child);
	if (w->state == WORKER_STARTING)
		kill(w->pid, SIGKILL); /* it may wait for a database, and has nothing to finish */
	w->state = WORKER_LEAVING;
	/* with a job its deadline goes on; without one there is nothing to wait for */
	if (!w->job)
		loop_after(w->timer, WORKER_LEAVE_MS);
}

void
worker_retire(struct worker *w)
{
	w->retired = true;
	if (w->state == WORKER_OFF)
		event_del(w->timer);
	worker_finish(w);
}
