/*
 * A private PostgreSQL cluster below one directory:
 *
 *     DIR/data     the cluster; its postgresql.conf is the operator's to tune
 *     DIR/socket   0700: whoever can reach it may be anyone in the database (trust)
 *     DIR/log      what initdb and the server say
 *     DIR/lock     held while somebody starts it
 *
 * No TCP.  The server runs as an unprivileged user, with durable settings, and
 * ends with the process that started it.  A server that somebody else started
 * there is used and left alone.
 *
 * No libpq: that it answers is seen by a startup message on its socket.
 */
#ifndef HANDBACK_EMBEDDED_EMBEDDED_H
#define HANDBACK_EMBEDDED_EMBEDDED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define EMBEDDED_SUPERUSER "postgres"
#define EMBEDDED_DATABASE "handback"
#define EMBEDDED_SOCKET_BYTES 108 /* sun_path, the NUL included */

struct embedded;

/*
 * initdb where there is no cluster yet, start where nobody has, wait until it
 * answers (wait_ms; recovery after a crash takes its time).  Blocks.  user:
 * whom the server runs as when we are root; otherwise it is who we are.
 * NULL and a message in why[why_size] when it cannot be started.
 */
struct embedded *embedded_open(const char *dir, const char *user, int wait_ms, char *why, size_t why_size);
/* Stops the server where it is ours (fast; after stop_ms at once, which costs it a recovery) and frees. NULL
 * is fine. */
void embedded_close(struct embedded *e, int stop_ms);

/* The socket's directory: libpq's host. */
const char *embedded_host(const struct embedded *e);
/* The same for a cluster that somebody else has opened; false when DIR is too long for a socket below it. */
bool embedded_host_of(const char *dir, char *buf, size_t size);

/* The server's process where it is our child, else 0. */
pid_t embedded_pid(const struct embedded *e);
/* The caller reaped this process; true when it was the server. */
bool embedded_reaped(struct embedded *e, pid_t pid);
/* Does a server answer now?  Waits at most 200 ms. */
bool embedded_answers(const struct embedded *e);
/* After the server went, ours or another's: starts one and does not wait.  0, or -1 with errno; EALREADY when
 * ours still runs. */
int embedded_start(struct embedded *e);

/* The directory of the newest PostgreSQL (13 or later) of this machine, or of just that major version; false
 * when there is none. */
bool embedded_find_bin(int major, char *buf, size_t size);

#endif
