#include "lib/protocol/parse_job.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { JOB_FDS = 2 };

static const struct contract_message messages[] = {
    [PARSE_JOB - 1] = {.verb = "job",
                       .asks = true,
                       .descriptor = true,
                       .next = {[PARSE_TURN_NEW] = CONTRACT_TO(PARSE_TURN_STARTED),
                                [PARSE_TURN_AHEAD] = CONTRACT_TO(PARSE_TURN_STARTED)}},
    [PARSE_AHEAD - 1] = {.verb = "ahead",
                         .asks = true,
                         .descriptor = true,
                         .next = {[PARSE_TURN_NEW] = CONTRACT_TO(PARSE_TURN_AHEAD)}},
};

static const char *const turns[] = {"new", "ahead", "started", NULL};

const struct contract parse_contract = {"parse_job", "handback-reconcile", "handback-parse", turns,
                                        messages,    PARSE_AHEAD};

union job_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(JOB_FDS * sizeof(int))];
};

static void
close_fds(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static int
send_with(int socket, void *bytes, size_t len, const int *fds, size_t count)
{
	union job_control control = {0};
	struct iovec part = {bytes, len};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control.bytes,
	                         .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	ssize_t n;

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t) len ? 0 : -1;
}

int
parse_job_send(int socket, const struct parse_job *job, int file_fd, int profile_fd)
{
	struct parse_job sent = *job;

	sent.magic = PARSE_JOB_MAGIC;
	sent.version = PARSE_JOB_VERSION;
	return send_with(socket, &sent, sizeof(sent), (const int[JOB_FDS]){file_fd, profile_fd}, JOB_FDS);
}

int
parse_ahead_send(int socket, int profile_fd)
{
	struct parse_ahead sent = {.magic = PARSE_AHEAD_MAGIC, .version = PARSE_JOB_VERSION};

	return send_with(socket, &sent, sizeof(sent), &profile_fd, 1);
}

/* Takes all descriptors that came, *ret_count of them; false, and none is open, where there are more than a
 * job has. */
static bool
take_fds(struct msghdr *message, int ret_fds[JOB_FDS], size_t *ret_count)
{
	size_t came = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++, came++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (came < JOB_FDS)
				ret_fds[came] = fd;
			else
				close(fd);
		}
	}
	*ret_count = came < JOB_FDS ? came : JOB_FDS;
	if (came <= JOB_FDS && !(message->msg_flags & MSG_CTRUNC))
		return true;
	close_fds(ret_fds, *ret_count);
	return false;
}

static const char *
what_is_wrong(const struct parse_job *job, size_t len, size_t fds)
{
	if (len != sizeof(*job) || job->magic != PARSE_JOB_MAGIC)
		return "the message is no job";
	if (job->version != PARSE_JOB_VERSION)
		return "the job is of another version of handback";
	if (fds != JOB_FDS)
		return "the job comes without its two descriptors";
	if (job->name_len > LIMIT_NAME_BYTES || job->file_bytes < 0)
		return "the job's name or size is out of bounds";
#ifdef TEST_BUILD
	if (job->flags & ~(PARSE_JOB_NO_LANDLOCK | PARSE_JOB_NO_SANDBOX))
		return "the job has a flag that is not known";
#else
	if ((job->flags & ~PARSE_JOB_NO_LANDLOCK) || job->escape != 0)
		return "the job has a flag that is not known";
#endif
	return NULL;
}

/* It begins as a job does. */
static bool
is_ahead(const struct parse_job *job, size_t len, size_t fds)
{
	return len == sizeof(struct parse_ahead) && job->magic == PARSE_AHEAD_MAGIC &&
	       job->version == PARSE_JOB_VERSION && job->flags == 0 && fds == 1;
}

int
parse_job_receive(int socket, int *turn, struct parse_job *ret_job, int *ret_file_fd, int *ret_profile_fd,
                  const char **ret_why)
{
	struct parse_job job = {0};
	union job_control control = {0};
	struct iovec part = {&job, sizeof(job)};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control.bytes,
	                         .msg_controllen = sizeof(control.bytes)};
	int fds[JOB_FDS] = {-1, -1};
	enum parse_message kind;
	size_t count;
	ssize_t n;

	*ret_why = NULL;
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return PARSE_NOTHING;
	if (n < 0) {
		*ret_why = "descriptor 3 cannot be read";
		return -1;
	}
	if (!take_fds(&message, fds, &count)) {
		*ret_why = "the message comes with more descriptors than a job has";
		return -1;
	}
	kind = is_ahead(&job, (size_t) n, count) ? PARSE_AHEAD : PARSE_JOB;
	if (kind == PARSE_JOB)
		*ret_why = (message.msg_flags & MSG_TRUNC) ? "the message is no job"
		                                           : what_is_wrong(&job, (size_t) n, count);
	if (*ret_why == NULL && !contract_step(&parse_contract, kind - 1, turn))
		*ret_why = "the message comes out of turn";
	if (*ret_why != NULL) {
		close_fds(fds, count);
		return -1;
	}
	if (kind == PARSE_AHEAD) {
		*ret_profile_fd = fds[0];
		return PARSE_AHEAD;
	}
	*ret_job = job;
	*ret_file_fd = fds[0];
	*ret_profile_fd = fds[1];
	return PARSE_JOB;
}
