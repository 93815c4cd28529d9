/* The whole state of a daemon: as JSON for the control socket, in words for systemd. */
#ifndef HANDBACK_DAEMON_SERVE_STATUS_H
#define HANDBACK_DAEMON_SERVE_STATUS_H

#include <event2/buffer.h>

#include "daemon/engine.h"

/* What the engine does not know. */
struct status_facts {
	const char *state; /* "starting", "running" or "stopping" */
	int64_t started_us;
	int64_t late_ms, worst_late_ms; /* of the loop */
	const char *database;           /* "embedded" or "conninfo" */
	pid_t database_pid;             /* of the embedded server, when it is ours */
	const char *reload_error;       /* of the last reload; NULL: it was fine, or there was none */
	int64_t reloaded_us;            /* 0: never */
};

/* One line, with its newline. */
void status_write(struct evbuffer *out, const struct engine *e, const struct status_facts *facts);

/* A sentence in buf. */
void status_words(char *buf, size_t size, const struct engine *e);

#endif
