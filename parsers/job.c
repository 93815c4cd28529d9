#include "parsers/job.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

enum { JOB_FDS = 2 };

union job_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(JOB_FDS * sizeof(int))];
};

int
parse_job_send(int socket, const struct parse_job *job, int file_fd, int profile_fd)
{
	struct parse_job sent = *job;
	const int fds[JOB_FDS] = {file_fd, profile_fd};
	union job_control control = {0};
	struct iovec part = {&sent, sizeof(sent)};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control.bytes,
	                         .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	ssize_t n;

	sent.magic = PARSE_JOB_MAGIC;
	sent.version = PARSE_JOB_VERSION;
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(head), fds, sizeof(fds));
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t) sizeof(sent) ? 0 : -1;
}

/* Takes all descriptors that came; any but the two of a job are closed and make it false. */
static bool
take_fds(struct msghdr *message, int ret_fds[JOB_FDS])
{
	int fds[JOB_FDS] = {-1, -1};
	size_t came = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++, came++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (came < JOB_FDS)
				fds[came] = fd;
			else
				close(fd);
		}
	}
	if (came != JOB_FDS || (message->msg_flags & MSG_CTRUNC)) {
		for (size_t i = 0; i < JOB_FDS; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		return false;
	}
	memcpy(ret_fds, fds, sizeof(fds));
	return true;
}

static const char *
what_is_wrong(const struct parse_job *job, size_t len)
{
	if (len != sizeof(*job) || job->magic != PARSE_JOB_MAGIC)
		return "the message is no job";
	if (job->version != PARSE_JOB_VERSION)
		return "the job is of another version of handback";
	if (job->name_len > LIMIT_NAME_BYTES || job->file_bytes < 0)
		return "the job's name or size is out of bounds";
#ifdef TEST_BUILD
	if (job->flags & ~(PARSE_JOB_NO_LANDLOCK | PARSE_JOB_NO_CAGE))
		return "the job has a flag that is not known";
#else
	if ((job->flags & ~PARSE_JOB_NO_LANDLOCK) || job->escape != 0)
		return "the job has a flag that is not known";
#endif
	return NULL;
}

int
parse_job_receive(int socket, struct parse_job *ret_job, int *ret_file_fd, int *ret_profile_fd,
                  const char **ret_why)
{
	struct parse_job job = {0};
	union job_control control = {0};
	struct iovec part = {&job, sizeof(job)};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control.bytes,
	                         .msg_controllen = sizeof(control.bytes)};
	int fds[JOB_FDS];
	ssize_t n;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n < 0) {
		*ret_why = "descriptor 3 cannot be read";
		return -1;
	}
	if (!take_fds(&message, fds)) {
		*ret_why = "the job comes without its two descriptors";
		return -1;
	}
	*ret_why = (message.msg_flags & MSG_TRUNC) ? "the message is no job" : what_is_wrong(&job, (size_t) n);
	if (*ret_why != NULL) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	*ret_job = job;
	*ret_file_fd = fds[0];
	*ret_profile_fd = fds[1];
	return 1;
}
