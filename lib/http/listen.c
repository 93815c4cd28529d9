#include "lib/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/protocol/channel.h"

#define SYSTEMD_FD 3
#define WAITING 512

/* Loopback alone: TLS is the proxy's. */
static int
listen_loopback(const char *where)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	const char *colon = strrchr(where, ':');
	char host[INET_ADDRSTRLEN];
	const int yes = 1;
	int64_t port;
	int fd;

	errno = EINVAL;
	if (colon == NULL || (size_t) (colon - where) >= sizeof(host) || !text_int(colon + 1, 0, 65535, &port))
		return -1;
	snprintf(host, sizeof(host), "%.*s", (int) (colon - where), where);
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || ntohl(address.sin_addr.s_addr) >> 24 != 127)
		return -1;
	address.sin_port = htons((uint16_t) port);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (const struct sockaddr *) &address, sizeof(address)) == 0 && listen(fd, WAITING) == 0)
		return fd;
	close(fd);
	return -1;
}

int
listen_where(const char *where)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	if (where != NULL)
		return where[0] == '/' ? channel_listen(where, SOCK_STREAM | SOCK_NONBLOCK, WAITING)
		                       : listen_loopback(where);
	if (getsockopt(SYSTEMD_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || listens == 0)
		return -1;
	fcntl(SYSTEMD_FD, F_SETFD, FD_CLOEXEC);
	fcntl(SYSTEMD_FD, F_SETFL, O_NONBLOCK);
	return SYSTEMD_FD;
}
