/* The socket at which a program of ours waits for HTTP. */
#ifndef HANDBACK_HTTP_LISTEN_H
#define HANDBACK_HTTP_LISTEN_H

/* The path of a UNIX socket, ADDRESS:PORT of loopback, or NULL: systemd's, as descriptor 3.  Not blocking; -1
 * with errno. */
int listen_where(const char *where);

#endif
