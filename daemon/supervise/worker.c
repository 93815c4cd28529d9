/* The process of a worker.  What it says is in worker_say.c. */
#include "daemon/supervise/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/protocol/channel.h"
#include "lib/base/exit_codes.h"
#include "lib/base/log.h"
#include "lib/base/spawn.h"
#include "daemon/loop.h"

#define START_DEADLINE_MS 60000 /* until `ready` */
#define STEADY_MS 10000         /* ran so long: what ends it then has nothing to do with its start */
#define LINES_PER_S 1000        /* more is not a worker that reports */
#define FIRST_BACKOFF_MS 100
#define BACKOFF_CEILING_MS 30000

const char *const worker_state_words[WORKER_STATES] = {"off", "starting", "idle", "busy", "leaving"};

static void
close_channel(struct worker *w)
{
	if (w->readable != NULL)
		event_free(w->readable);
	w->readable = NULL;
	if (w->channel >= 0)
		close(w->channel);
	w->channel = -1;
}

void
worker_kill(struct worker *w, const char *why)
{
	if (w->pid == 0 || w->why[0] != '\0')
		return;
	snprintf(w->why, sizeof w->why, "%s", why);
	w->state = WORKER_LEAVING;
	event_del(w->timer);
	close_channel(w);
	kill(w->pid, SIGKILL); /* it is our child and not reaped: the number is still its own */
}

/* Too much talk would keep the loop from everything else. */
static bool
talks_too_much(struct worker *w)
{
	int64_t now = loop_now_ms();

	if (now - w->second_ms >= 1000) {
		w->second_ms = now;
		w->lines = 0;
	}
	return ++w->lines > LINES_PER_S;
}

/* Takes what is there; a worker that talks on without end waits for its next turn after some lines. */
static void
drain(struct worker *w)
{
	for (int i = 0; i < 16 && w->channel >= 0; i++) {
		size_t len;
		int got = channel_receive(w->channel, w->line, sizeof w->line, &len, NULL);

		if (got > 0 && talks_too_much(w))
			worker_kill(w, "it talks without end");
		else if (got > 0)
			worker_take_line(w);
		else if (got == 0) {
			close_channel(w); /* its exit follows */
			if (w->state != WORKER_LEAVING)
				loop_after(w->timer, WORKER_LEAVE_MS);
		} else if (errno != EAGAIN)
			worker_kill(w, "it sent a packet that is no line");
		else
			return;
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	(void) fd;
	(void) what;
	drain(context);
}

static void
how_it_ended(const struct worker *w, int status, char *buf, size_t size)
{
	if (w->why[0] != '\0')
		snprintf(buf, size, "%s", w->why);
	else if (WIFSIGNALED(status))
		snprintf(buf, size, "it was killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == EXIT_UNAVAILABLE)
		snprintf(buf, size, "cannot use the database or the spool: see its own message");
	else if (WEXITSTATUS(status) == EXIT_USAGE)
		snprintf(buf, size, "it does not like the configuration (see its own message)");
	else
		snprintf(buf, size, "it ended with status %d", WEXITSTATUS(status));
}

static void start(struct worker *w);

static void
on_exited(evutil_socket_t fd, short what, void *context)
{
	struct worker *w = context;
	struct job_result result = {.end = JOB_BROKEN};
	char *how = result.why;
	bool expected, had_job;
	int status;

	(void) fd;
	(void) what;
	drain(w); /* its last words come before its end */
	if (waitpid(w->pid, &status, WNOHANG) != w->pid) {
		loop_ask_again(w->exited);
		return;
	}
	expected = w->state == WORKER_LEAVING && w->why[0] == '\0' && !w->job;
	how_it_ended(w, status, how, sizeof result.why);
	close_channel(w);
	event_free(w->exited);
	w->exited = NULL;
	close(w->exit_fd);
	event_del(w->timer);
	w->last_exit = status;
	had_job = w->job;
	if (expected || (w->ready_ms != 0 && loop_now_ms() - w->ready_ms > STEADY_MS))
		w->failures = 0;
	w->failures += !expected;
	log_write(expected ? LOG_DEBUG : LOG_ERR, "worker ended",
	          LOG_FIELDS(log_int("worker", w->number), log_int("pid", w->pid), log_text("why", how)));
	w->pid = 0;
	w->ready_ms = 0;
	w->why[0] = '\0';
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
	if (w->channel < 0 || (w->state == WORKER_LEAVING && !w->job))
		snprintf(why, sizeof why, "it did not leave");
	else if (w->state == WORKER_STARTING)
		snprintf(why, sizeof why, "it was not ready after %d s", START_DEADLINE_MS / 1000);
	else
		snprintf(why, sizeof why, "it said nothing for %lld ms", (long long) w->deadline_ms);
	worker_kill(w, why);
}

/* The configuration's bytes with a reading position of the worker's own; -1 with errno. */
static int
reopen(int fd)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Starts the program with its end of a channel; 0, or -1 with errno. */
static int
start_process(struct worker *w)
{
	char number[16];
	const char *const argv[] = {w->program->name,   "--config", w->program->config,
	                            w->program->option, number,     NULL};
	int ends[2], config = reopen(w->program->config_fd), saved;
	struct spawn_fd fds[] = {{STDERR_FILENO, STDERR_FILENO}, {-1, 3}, {config, 4}};
	const struct spawn s = {
	    .path = w->program->path, .argv = argv, .env = spawn_environment(), .fds = fds, .fd_count = 3};

	snprintf(number, sizeof number, "%d", w->number);
	if (config < 0)
		return -1;
	if (channel_pair(ends) < 0) {
		saved = errno;
		close(config);
		errno = saved;
		return -1;
	}
	fds[1].from = ends[1];
	w->pid = s.env != NULL && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? spawn(&s) : -1;
	saved = errno;
	close(ends[1]);
	close(config);
	if (w->pid < 0) {
		close(ends[0]);
		w->pid = 0;
		errno = saved;
		return -1;
	}
	w->channel = ends[0];
	w->turn = WORKER_TURN_STARTING;
	w->lines = 0;
	return 0;
}

/* Events for what it says and for its end; false when they cannot be made. */
static bool
listen_to(struct worker *w)
{
	w->exit_fd = pidfd_open(w->pid, 0);
	if (w->exit_fd < 0)
		return false;
	fcntl(w->exit_fd, F_SETFD, FD_CLOEXEC);
	w->exited = event_new(w->base, w->exit_fd, EV_READ, on_exited, w);
	w->readable = event_new(w->base, w->channel, EV_READ | EV_PERSIST, on_readable, w);
	return w->exited != NULL && w->readable != NULL && event_priority_set(w->exited, LOOP_FIRST) == 0 &&
	       event_priority_set(w->readable, LOOP_FIRST) == 0 && event_add(w->exited, NULL) == 0 &&
	       event_add(w->readable, NULL) == 0;
}

static void
start(struct worker *w)
{
	int error;

	w->starts++;
	if (start_process(w) == 0) {
		if (listen_to(w)) {
			w->state = WORKER_STARTING;
			loop_after(w->timer, START_DEADLINE_MS);
			return;
		}
		error = errno;
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0); /* killed: this is short */
		if (w->exited != NULL)
			event_free(w->exited);
		w->exited = NULL;
		if (w->exit_fd >= 0)
			close(w->exit_fd);
		w->pid = 0;
		close_channel(w);
	} else
		error = errno;
	w->failures++;
	log_write(
	    LOG_ERR, "a worker cannot be started",
	    LOG_FIELDS(log_int("worker", w->number), log_text("program", w->program->path), log_errno(error)));
	loop_after(w->timer, loop_backoff(w->failures, FIRST_BACKOFF_MS, BACKOFF_CEILING_MS));
	w->calls->off(w->context, w);
}

struct worker *
worker_new(struct event_base *base, int number, const struct worker_program *program,
           const struct worker_calls *calls, void *context)
{
	struct worker *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->base = base;
	w->number = number;
	w->program = program;
	w->calls = calls;
	w->context = context;
	w->channel = w->exit_fd = -1;
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
	close_channel(w);
	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
		event_free(w->exited);
		close(w->exit_fd);
	}
	if (w->timer != NULL)
		event_free(w->timer);
	free(w);
}

bool
worker_give(struct worker *w, enum worker_message message, const struct worker_request *job, int dir,
            int64_t deadline_ms, void *job_of)
{
	struct message_line line;
	bool fits = worker_request_encode(&line, &w->turn, message, job);

	if (!fits || channel_send(w->channel, line.text, line.length, dir) < 0) {
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
worker_finish(struct worker *w)
{
	if (w->pid == 0 || w->state == WORKER_LEAVING)
		return;
	/* end of file for it; what it still has to say comes through */
	if (w->channel >= 0)
		shutdown(w->channel, SHUT_WR);
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
