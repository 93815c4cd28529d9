#include "receive/body.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/io.h"

#define STALL_MS (60 * 1000)  /* the gate, which knows the caller's pace, is to hang up before */
#define FLUSH_BYTES (8 << 20) /* how much may wait for the disk before it has to begin */

/* One packet; 0: the other end is gone, or sends nothing. */
static size_t
next(int connection, char *buf, size_t size)
{
	struct pollfd p = {.fd = connection, .events = POLLIN};
	ssize_t n;

	do {
		n = poll(&p, 1, STALL_MS) > 0 ? recv(connection, buf, size, MSG_TRUNC) : 0;
	} while (n < 0 && errno == EINTR);
	return n > 0 && (size_t) n <= size ? (size_t) n : 0;
}

enum body_end
body_take(int connection, int file, int64_t bytes, uint8_t ret_sha256[SHA256_BYTES], struct refusal *ret)
{
	static char buf[RECEIVE_BODY_BYTES];
	struct sha256 *hash = sha256_new();
	int64_t total = 0, flushed = 0;

	while (total < bytes) {
		size_t n = next(connection, buf, sizeof(buf));

		if (n == 0 || (int64_t) n > bytes - total) {
			sha256_free(hash);
			return BODY_CUT;
		}
		if (io_write_all(file, buf, n) < 0) {
			sha256_free(hash);
			refuse(ret, errno == ENOSPC || errno == EDQUOT ? "507" : "503", "it cannot be written: %s",
			       strerrordesc_np(errno));
			return BODY_REFUSED;
		}
		sha256_add(hash, buf, n);
		total += (int64_t) n;
		if (total - flushed >= FLUSH_BYTES) {
			/* a hint, so that the end has less to wait for */
			(void) sync_file_range(file, flushed, total - flushed, SYNC_FILE_RANGE_WRITE);
			flushed = total;
		}
	}
	sha256_end(hash, ret_sha256);
	sha256_free(hash);
	return BODY_WHOLE;
}
