#include "fetch/kexinit.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "fetch/watch.h"
#include "lib/base/io.h"
#include "lib/base/text.h"

#define VERSION_LINE "SSH-2.0-handback_probe\r\n"
#define SSH_MSG_KEXINIT 20
#define COOKIE_BYTES 16
#define PACKET_BYTES 35000 /* what RFC 4253, 6.1 lets an implementation stop at */
#define LINE_BYTES 255
#define LINES_BEFORE_VERSION 50

/* Exactly len bytes before the deadline. */
static bool
read_exactly(int fd, int64_t until, uint8_t *buf, size_t len)
{
	while (len > 0) {
		int64_t left = until - watch_now_ms();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (left <= 0 || watch_expired() != NULL)
			return false;
		int rc = poll(&p, 1, (int) left);
		if (rc < 0 && errno == EINTR)
			continue;
		ssize_t n = rc > 0 ? read(fd, buf, len) : 0;
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return false;
		buf += n;
		len -= (size_t) n;
	}
	return true;
}

/* Lines may come before the version line; it starts with SSH-. */
static bool
read_version(int fd, int64_t until)
{
	for (int line = 0; line < LINES_BEFORE_VERSION; line++) {
		uint8_t text[LINE_BYTES + 1] = {0};
		size_t len = 0;
		do {
			if (len >= LINE_BYTES || !read_exactly(fd, until, text + len, 1))
				return false;
		} while (text[len++] != '\n');
		if (memcmp(text, "SSH-", 4) == 0)
			return memcmp(text, "SSH-2.0-", 8) == 0 || memcmp(text, "SSH-1.99-", 9) == 0;
	}
	return false;
}

static uint32_t
big_endian(const uint8_t *b)
{
	return (uint32_t) b[0] << 24 | (uint32_t) b[1] << 16 | (uint32_t) b[2] << 8 | b[3];
}

bool
kexinit_parse(const uint8_t *payload, size_t len, struct kexinit *ret)
{
	size_t at = 1 + COOKIE_BYTES;
	if (len < at || payload[0] != SSH_MSG_KEXINIT)
		return false;
	for (int i = 0; i < KEXINIT_LISTS; i++) {
		if (len - at < 4)
			return false;
		uint32_t size = big_endian(payload + at);
		at += 4;
		if (size > len - at)
			return false;
		text_escape(ret->list[i], sizeof(ret->list[i]), payload + at, size);
		at += size;
	}
	return true;
}

bool
kexinit_read(int fd, int64_t timeout_ms, struct kexinit *ret, const char **ret_why)
{
	static uint8_t packet[PACKET_BYTES];
	int64_t until = watch_now_ms() + timeout_ms;
	if (io_write_all(fd, VERSION_LINE, sizeof(VERSION_LINE) - 1) || !read_version(fd, until)) {
		*ret_why = "it does not answer like an SSH 2.0 server";
		return false;
	}
	uint8_t head[5];
	if (!read_exactly(fd, until, head, sizeof(head))) {
		*ret_why = "its first packet did not come";
		return false;
	}
	uint32_t length = big_endian(head), padding = head[4];
	if (length < padding + 2 || length > PACKET_BYTES || !read_exactly(fd, until, packet, length - 1) ||
	    !kexinit_parse(packet, length - 1 - padding, ret)) {
		*ret_why = "its first packet is not a key exchange offer";
		return false;
	}
	return true;
}
