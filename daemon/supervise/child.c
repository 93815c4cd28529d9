#include "daemon/supervise/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "lib/base/spawn.h"
#include "lib/protocol/channel.h"
#include "lib/protocol/message.h"

#define LINES_AT_ONCE 16 /* then others have their turn; meanwhile it has to wait */
#define LAST_LINES 4096  /* more than a channel holds */

struct child {
	const struct child_calls *calls;
	void *context;
	pid_t pid;
	int channel, exit_fd;
	struct event *readable, *writable, *exited, *second, *deadline;
	const char *late;               /* why it is killed at its deadline */
	int64_t since_ms;               /* the second that is counted, by loop_now_ms */
	int lines;                      /* in it */
	struct channel_packets packets; /* what has not been sent to it yet, from `sent` on */
	size_t sent;
	char why[256];
	char line[MESSAGE_BYTES + 2];
};

pid_t
child_pid(const struct child *c)
{
	return c->pid;
}

static void
free_event(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

static void
close_channel(struct child *c)
{
	free_event(&c->readable);
	free_event(&c->writable);
	free_event(&c->second);
	if (c->channel >= 0)
		close(c->channel);
	c->channel = -1;
}

/* The connection to one that is not our process was all that there was of it. */
static void
hang_up(struct child *c)
{
	close_channel(c);
	if (c->pid == 0 && c->exited != NULL)
		event_active(c->exited, EV_TIMEOUT, 1);
}

void
child_stop(struct child *c)
{
	if (c->pid > 0)
		kill(c->pid, SIGTERM);
	else if (c->channel >= 0)
		shutdown(c->channel, SHUT_WR);
}

void
child_kill(struct child *c, const char *why)
{
	if ((c->pid == 0 && c->channel < 0) || c->why[0] != '\0')
		return;
	snprintf(c->why, sizeof(c->why), "%s", why);
	hang_up(c);
	if (c->pid > 0)
		kill(c->pid, SIGKILL); /* it is our child and not reaped: the number is still its own */
}

/* A second is over: what was paused goes on. */
static void
on_second(evutil_socket_t fd, short what, void *context)
{
	struct child *c = context;

	(void) fd;
	(void) what;
	if (c->readable != NULL)
		event_add(c->readable, NULL);
}

/* Counts a line; one too many ends the listening for this second, and then the child waits, not the loop. */
static void
count_line(struct child *c)
{
	int64_t now = loop_now_ms();

	if (now - c->since_ms >= 1000) { /* by the clock: under load a timer comes late */
		c->since_ms = now;
		c->lines = 0;
	}
	if (++c->lines <= c->calls->lines_per_s || c->readable == NULL)
		return;
	if (c->calls->ends_by_noise) {
		child_kill(c, "it talks without end");
		return;
	}
	event_del(c->readable);
	loop_after(c->second, 1000);
}

/* Takes what is there, at most so many lines; more is another turn's. */
static void
listen_to(struct child *c, int most)
{
	for (int i = 0; i < most && c->channel >= 0; i++) {
		size_t len;
		int got = channel_receive(c->channel, c->line, sizeof(c->line), &len, NULL);

		/* it ended with something of ours unread: what it said before that still comes */
		if (got < 0 && errno == ECONNRESET)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got == 0) {
			hang_up(c); /* its exit follows */
			if (c->calls->closed != NULL)
				c->calls->closed(c->context);
		} else if (got < 0)
			child_kill(c, "it sent a packet that is no line");
		else if (!c->calls->line(c->context, c->line))
			child_kill(c, "it said what it may not say now");
		else
			count_line(c);
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	(void) fd;
	(void) what;
	listen_to(context, LINES_AT_ONCE);
}

/* Sends the next packets, as many as fit. */
static void
on_writable(evutil_socket_t fd, short what, void *context)
{
	struct child *c = context;

	(void) fd;
	(void) what;
	if (channel_packets_send(&c->packets, &c->sent, c->channel) < 0 && errno == EAGAIN)
		return; /* else it is gone; its exit shows it */
	free_event(&c->writable);
	channel_packets_free(&c->packets);
}

static void
on_exited(evutil_socket_t fd, short what, void *context)
{
	struct child *c = context;
	char why[sizeof(c->why)];
	int status = 0;

	(void) fd;
	(void) what;
	listen_to(c, LAST_LINES); /* its last words come before its end, and it has no more of them */
	if (c->pid > 0 && waitpid(c->pid, &status, WNOHANG) != c->pid) {
		loop_ask_again(c->exited);
		return;
	}
	c->pid = 0;
	close_channel(c);
	free_event(&c->exited);
	free_event(&c->deadline);
	memcpy(why, c->why, sizeof(why));
	c->calls->ended(c->context, status, why);
}

bool
child_send(struct child *c, const void *bytes, size_t len, int fd)
{
	c->lines = 0; /* whoever is asked may answer: the pace is ours */
	return c->channel >= 0 && channel_send(c->channel, bytes, len, fd) == 0;
}

void
child_send_end(struct child *c)
{
	if (c->channel >= 0)
		shutdown(c->channel, SHUT_WR);
}

/* The program as it is given, and its end of a channel as descriptor 3. */
static int
spawn_child(struct child *c, const struct spawn *program)
{
	struct spawn_fd fds[SPAWN_FDS];
	struct spawn s = *program;
	int ends[2], saved;

	if (s.fd_count == SPAWN_FDS || channel_pair(ends) < 0)
		return -1;
	memcpy(fds, s.fds, s.fd_count * sizeof(fds[0]));
	fds[s.fd_count++] = (struct spawn_fd){ends[1], 3};
	s.fds = fds;
	c->channel = ends[0];
	c->pid = s.env != NULL && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? spawn(&s) : -1;
	saved = errno;
	close(ends[1]);
	errno = saved;
	return c->pid > 0 ? 0 : -1;
}

static int
connect_child(struct child *c, const char *socket)
{
	c->channel = channel_connect(socket);
	return c->channel >= 0 ? 0 : -1;
}

static void
on_deadline(evutil_socket_t fd, short what, void *context)
{
	struct child *c = context;

	(void) fd;
	(void) what;
	child_kill(c, c->late);
}

void
child_deadline(struct child *c, int64_t ms, const char *why)
{
	c->late = why;
	loop_after(c->deadline, ms);
}

static bool
make_event(struct event_base *base, struct event **event, int fd, short what, event_callback_fn call,
           struct child *c)
{
	*event = event_new(base, fd, what, call, c);
	return *event != NULL && event_priority_set(*event, c->calls->priority) == 0 &&
	       event_add(*event, NULL) == 0;
}

static int
open_process(struct child *c)
{
	c->exit_fd = pidfd_open(c->pid, 0);
	return c->exit_fd < 0 ? -1 : fcntl(c->exit_fd, F_SETFD, FD_CLOEXEC);
}

static int
begin_process(struct child *c, const struct spawn *program)
{
	return spawn_child(c, program) < 0 ? -1 : open_process(c);
}

static bool
watch_end(struct event_base *base, struct child *c)
{
	c->deadline = evtimer_new(base, on_deadline, c);
	if (c->deadline == NULL || event_priority_set(c->deadline, c->calls->priority) < 0)
		return false;
	if (c->pid > 0)
		return make_event(base, &c->exited, c->exit_fd, EV_READ, on_exited, c);
	c->exited = evtimer_new(base, on_exited, c); /* made active by hang_up */
	return c->exited != NULL && event_priority_set(c->exited, c->calls->priority) == 0;
}

struct child *
child_start(struct event_base *base, const struct spawn *program, const char *socket,
            struct channel_packets *packets, const struct child_calls *calls, void *context)
{
	struct child *c = calloc(1, sizeof(*c));
	int error;

	if (c == NULL) {
		if (packets != NULL)
			channel_packets_free(packets);
		errno = ENOMEM;
		return NULL;
	}
	c->calls = calls;
	c->context = context;
	c->channel = c->exit_fd = -1;
	if (packets != NULL) {
		c->packets = *packets;
		*packets = (struct channel_packets){NULL, 0, 0};
	}
	c->second = evtimer_new(base, on_second, c);
	if (c->second != NULL && (socket != NULL ? connect_child(c, socket) : begin_process(c, program)) == 0 &&
	    watch_end(base, c) &&
	    make_event(base, &c->readable, c->channel, EV_READ | EV_PERSIST, on_readable, c) &&
	    make_event(base, &c->writable, c->channel, EV_WRITE | EV_PERSIST, on_writable, c))
		return c;
	error = errno;
	child_free(c);
	errno = error;
	return NULL;
}

struct child *
child_adopt(struct event_base *base, pid_t pid, const struct child_calls *calls, void *context)
{
	struct child *c = calloc(1, sizeof(*c));
	int error;

	if (c == NULL)
		return NULL;
	*c = (struct child){.calls = calls, .context = context, .pid = pid, .channel = -1, .exit_fd = -1};
	if (open_process(c) == 0 && watch_end(base, c))
		return c;
	error = errno;
	child_disown(c);
	errno = error;
	return NULL;
}

void
child_disown(struct child *c)
{
	if (c != NULL)
		c->pid = 0;
	child_free(c);
}

void
child_free(struct child *c)
{
	if (c == NULL)
		return;
	close_channel(c);
	free_event(&c->exited);
	free_event(&c->deadline);
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0); /* killed: this is short */
	}
	if (c->exit_fd >= 0)
		close(c->exit_fd);
	channel_packets_free(&c->packets);
	free(c);
}
