#include "lib/protocol/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/protocol/message.h"

int
channel_pair(int ret_ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_ends);
}

int
channel_connect(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof(at.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(at.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* not blocking: a full queue of connections is EAGAIN, and tried again like any failure */
	if (fd < 0 || connect(fd, (const struct sockaddr *) &at, sizeof(at)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int
channel_listen(const char *path, int type, int waiting)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int fd, bound, error;

	if (strlen(path) >= sizeof(at.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(at.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	mask = umask(0117); /* 0660 from the first moment */
	bound = bind(fd, (const struct sockaddr *) &at, sizeof(at));
	umask(mask);
	if (bound == 0 && listen(fd, waiting) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int
channel_send(int end, const void *bytes, size_t len, int pass)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec data = {.iov_base = (void *) (uintptr_t) bytes, .iov_len = len};
	struct msghdr packet = {.msg_iov = &data, .msg_iovlen = 1};
	ssize_t n;

	if (pass >= 0) {
		struct cmsghdr *part;

		packet.msg_control = control.room;
		packet.msg_controllen = sizeof(control.room);
		part = CMSG_FIRSTHDR(&packet);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(part), &pass, sizeof(pass));
	}
	do
		n = sendmsg(end, &packet, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* Takes the descriptors out of a packet: the first one in *ret, the others closed.  Returns how many came. */
static size_t
take_descriptors(struct msghdr *packet, int *ret)
{
	size_t came = 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(packet); part != NULL; part = CMSG_NXTHDR(packet, part)) {
		size_t n = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(fd), sizeof(fd));
			if (came++ == 0)
				*ret = fd;
			else
				close(fd);
		}
	}
	return came;
}

int
channel_receive(int end, char *buf, size_t size, size_t *ret_len, int *ret_passed)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec data = {.iov_base = buf, .iov_len = size - 1};
	struct msghdr packet = {.msg_iov = &data,
	                        .msg_iovlen = 1,
	                        .msg_control = control.room,
	                        .msg_controllen = sizeof(control.room)};
	int passed = -1;
	size_t descriptors;
	bool bad;
	ssize_t n;

	do
		n = recvmsg(end, &packet, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	descriptors = take_descriptors(&packet, &passed);
	bad = descriptors > 1 || (packet.msg_flags & MSG_CTRUNC) != 0 || (passed >= 0 && ret_passed == NULL) ||
	      memchr(buf, '\0', (size_t) n) != NULL;
	if (bad || (packet.msg_flags & MSG_TRUNC) != 0) {
		if (passed >= 0)
			close(passed);
		errno = bad ? EBADMSG : EMSGSIZE;
		return -1;
	}
	/* we never send an empty packet, so nothing is the end; a peer that sends one has ended too */
	if (n == 0) {
		if (passed >= 0)
			close(passed);
		return 0;
	}
	buf[n] = '\0';
	*ret_len = (size_t) n;
	if (ret_passed != NULL)
		*ret_passed = passed;
	return 1;
}

bool
channel_receive_job(int end,
                    int (*take)(void *job, int *turn, char *line, int passed, char *why, size_t why_size),
                    void *job, int *turn, char *why, size_t why_size)
{
	static char line[MESSAGE_BYTES + 1];
	bool good = true;

	for (;;) {
		size_t len;
		int passed, rc = channel_receive(end, line, sizeof(line), &len, &passed);
		bool last = rc > 0 && strcmp(line, "go") == 0;

		if (rc == 0) {
			snprintf(why, why_size, "the job was cut off");
			return false;
		}
		if (rc < 0 && errno != EMSGSIZE && errno != EBADMSG) {
			snprintf(why, why_size, "cannot receive the job: %s", strerrordesc_np(errno));
			return false;
		}
		if (rc < 0 && good)
			snprintf(why, why_size, "a packet of the job is too long or no message");
		if (rc > 0 && good)
			rc = take(job, turn, line, passed, why, why_size);
		else if (rc > 0 && passed >= 0)
			close(passed);
		good = good && rc >= 0;
		if (last)
			return good;
	}
}

bool
channel_packets_add(struct channel_packets *packets, const char *text, size_t length, int fd)
{
	struct channel_packet packet = {malloc(length + 1), length, fd};

	if (packets->count == packets->size && packet.text != NULL) {
		size_t size = packets->size == 0 ? 16 : 2 * packets->size;
		struct channel_packet *larger = reallocarray(packets->packet, size, sizeof(*larger));

		if (larger == NULL) {
			free(packet.text);
			packet.text = NULL;
		} else {
			packets->packet = larger;
			packets->size = size;
		}
	}
	if (packet.text == NULL) {
		if (fd >= 0)
			close(fd);
		errno = ENOMEM;
		return false;
	}
	memcpy(packet.text, text, length);
	packet.text[length] = '\0';
	packets->packet[packets->count++] = packet;
	return true;
}

int
channel_packets_send(const struct channel_packets *packets, size_t *sent, int end)
{
	for (; *sent < packets->count; (*sent)++) {
		const struct channel_packet *packet = &packets->packet[*sent];

		if (channel_send(end, packet->text, packet->length, packet->fd) < 0)
			return -1;
	}
	return 0;
}

void
channel_packets_free(struct channel_packets *packets)
{
	for (size_t i = 0; i < packets->count; i++) {
		free(packets->packet[i].text);
		if (packets->packet[i].fd >= 0)
			close(packets->packet[i].fd);
	}
	free(packets->packet);
	*packets = (struct channel_packets){NULL, 0, 0};
}
