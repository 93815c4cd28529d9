/* Does a PostgreSQL server take connections at a socket?  One startup message, one byte of answer. */
#include "lib/embedded/embedded_ping.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PING_MS 200

/* Length, protocol 3.0, pairs, an empty name at the end; from the manual's chapter on the protocol. */
static size_t
startup_message(char *buf)
{
	static const char pairs[] = "user\0postgres\0database\0postgres\0application_name\0handback\0";
	uint32_t len = htobe32((uint32_t) (8 + sizeof(pairs))), protocol = htobe32(UINT32_C(3) << 16);

	memcpy(buf, &len, 4);
	memcpy(buf + 4, &protocol, 4);
	memcpy(buf + 8, pairs, sizeof(pairs));
	return 8 + sizeof(pairs);
}

bool
embedded_ping(const char *socket_path)
{
	static const char terminate[5] = {'X', 0, 0, 0, 4};
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char message[128], answer = 0;
	struct pollfd wait = {.events = POLLIN};

	if (strlen(socket_path) >= sizeof(at.sun_path))
		return false;
	memcpy(at.sun_path, socket_path, strlen(socket_path) + 1);
	wait.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (wait.fd < 0)
		return false;
	size_t len = startup_message(message);
	if (connect(wait.fd, (const struct sockaddr *) &at, sizeof(at)) == 0 &&
	    send(wait.fd, message, len, MSG_NOSIGNAL) == (ssize_t) len && poll(&wait, 1, PING_MS) == 1 &&
	    recv(wait.fd, &answer, 1, 0) == 1)
		send(wait.fd, terminate, sizeof(terminate), MSG_NOSIGNAL);
	close(wait.fd);
	/* R: it asks who we are, or lets us in; E: it starts, ends, or has no room */
	return answer == 'R';
}
