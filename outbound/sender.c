#include "outbound/sender.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/paths.h"
#include "lib/base/spawn.h"
#include "lib/base/utf8.h"

/* The program with its end of a channel as descriptor 3; it dies with us. */
static bool
start_process(struct sender *s)
{
	static const char *const argv[] = {"handback-send", NULL};
	char path[PATH_MAX];
	int ends[2];

	if (!paths_program(path, sizeof(path), argv[0]) || channel_pair(ends) < 0)
		return false;
	const struct spawn_fd fds[] = {{STDERR_FILENO, STDERR_FILENO}, {ends[1], 3}};
	const struct spawn program = {
	    .path = path, .argv = argv, .env = spawn_environment(), .fds = fds, .fd_count = 2};
	int saved;

	s->channel = ends[0];
	s->pid = spawn(&program);
	saved = errno;
	close(ends[1]);
	errno = saved;
	return s->pid > 0;
}

static bool
open_sender(struct sender *s, const char *socket)
{
	if (socket == NULL ? !start_process(s) : (s->channel = channel_connect(socket)) < 0)
		return false;
	return fcntl(s->channel, F_SETFL, O_NONBLOCK) == 0;
}

/* What it is to know of its target. */
static bool
send_target(struct sender *s, const struct sender_how *how, const char *target, const char *connector,
            bool *ret_fault, char *why, size_t why_size)
{
	struct channel_packets packets = {NULL, 0, 0};
	char *names[SEND_CREDENTIALS] = {NULL};
	struct send_job job;
	size_t sent = 0;
	bool good;

	send_job_init(&job);
	job.target = target;
	job.no_landlock = how->no_landlock;
	job.connector_fd = io_sealed("connector", connector, strlen(connector));
	good = credentials_give(&how->credentials, target, &job, names, why, why_size);
	*ret_fault = !good;
	if (good && job.connector_fd < 0)
		snprintf(why, why_size, "no memory for its connector: %s", strerrordesc_np(errno));
	good = good && job.connector_fd >= 0 && send_job_encode(&packets, &s->turn, &job, why, why_size);
	if (good && channel_packets_send(&packets, &sent, s->channel) < 0) {
		snprintf(why, why_size, "handback-send does not take its job: %s", strerrordesc_np(errno));
		good = false;
	}
	for (size_t i = 0; i < SEND_CREDENTIALS; i++)
		free(names[i]);
	channel_packets_free(&packets);
	send_job_free(&job);
	return good;
}

bool
sender_start(struct sender *ret, const struct sender_how *how, const char *target, const char *connector,
             bool *ret_fault, char *why, size_t why_size)
{
	struct sender s = {.channel = -1, .turn = SEND_TURN_NEW};

	*ret_fault = false;
	if (!open_sender(&s, how->socket)) {
		snprintf(why, why_size, "cannot start handback-send: %s", strerrordesc_np(errno));
	} else if (send_target(&s, how, target, connector, ret_fault, why, why_size)) {
		*ret = s;
		return true;
	}
	sender_stop(&s);
	return false;
}

void
sender_stop(struct sender *s)
{
	if (s->channel >= 0)
		close(s->channel);
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*s = (struct sender){.channel = -1, .turn = SEND_TURN_NEW};
}

bool
sender_deliver(struct sender *s, const struct send_delivery *delivery, int fd)
{
	struct message_line line;

	return send_delivery_encode(&line, &s->turn, delivery) &&
	       channel_send(s->channel, line.text, line.length, fd) == 0;
}

/* Nothing that the database would refuse, or that a log would not show as it is. */
static bool
is_plain(const char *text)
{
	size_t left = text != NULL ? strlen(text) : 0, length;
	uint32_t code;

	for (; left > 0; text += length, left -= length) {
		length = utf8_next(text, left, &code);
		if (length == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0))
			return false;
	}
	return true;
}

int
sender_receive(struct sender *s, char *line, struct send_report *ret, int *ret_message, char *why,
               size_t why_size)
{
	size_t length;
	int got = channel_receive(s->channel, line, MESSAGE_BYTES + 2, &length, NULL);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		snprintf(why, why_size, "handback-send is gone");
		return -1;
	}
	*ret = (struct send_report){0};
	*ret_message = send_report_decode(ret, &s->turn, line, why, why_size);
	if (*ret_message >= 0 && (!is_plain(ret->why) || !is_plain(ret->code))) {
		snprintf(why, why_size, "handback-send says what is no text");
		return -1;
	}
	return *ret_message < 0 ? -1 : 1;
}
