#include "daemon/serve/client.h"

#include <inttypes.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/io.h"

/* The number behind "key": in our own daemon's answer; 0 when it is not there. */
static int64_t
number_of(const char *answer, const char *key)
{
	char quoted[64];
	const char *at;
	int64_t number = 0;

	snprintf(quoted, sizeof quoted, "\"%s\":", key);
	at = strstr(answer, quoted);
	if (at != NULL)
		sscanf(at + strlen(quoted), "%" SCNd64, &number);
	return number;
}

/* One line, NUL-ended without its newline; false when the other end left before it was whole. */
static bool
read_line(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size - 1) {
		ssize_t n = read(fd, buf + len, size - 1 - len);
		char *end;

		if (n <= 0)
			return false;
		end = memchr(buf + len, '\n', (size_t) n);
		len += (size_t) n;
		if (end != NULL) {
			*end = '\0';
			return true;
		}
	}
	return false;
}

int
client_wait(const char *control)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status = -1;
	char answer[4096];

	snprintf(address.sun_path, sizeof address.sun_path, "%s", control);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *) &address, sizeof address) == 0 &&
	    io_write_all(fd, "wait\n", 5) == 0 && read_line(fd, answer, sizeof answer) &&
	    strstr(answer, "\"quiet\":true") != NULL) {
		if (number_of(answer, "waiting") > 0 || number_of(answer, "sources_failing") > 0)
			status = EXIT_FAILED;
		else if (number_of(answer, "held") > 0 || number_of(answer, "held_records") > 0)
			status = EXIT_HELD;
		else
			status = EXIT_CLEAN;
	}
	close(fd);
	return status;
}
