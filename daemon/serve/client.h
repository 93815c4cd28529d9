/* A run where a daemon is at work already: it is asked to look, and waited for. */
#ifndef HANDBACK_DAEMON_SERVE_CLIENT_H
#define HANDBACK_DAEMON_SERVE_CLIENT_H

/* An exit status, or -1 when nobody answers at the socket. */
int client_wait(const char *control);

#endif
