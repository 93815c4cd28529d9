/*
 * The credentials of targets: files of a directory, named TARGET.NAME, where NAME is what the connector calls
 * it.  In systemd's directory (LoadCredential=targets:DIRECTORY) each has "targets_" before it.
 */
#ifndef HANDBACK_OUTBOUND_CREDENTIALS_H
#define HANDBACK_OUTBOUND_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/protocol/send_job.h"

struct credentials {
	int dir;            /* -1: there are none */
	const char *prefix; /* of each file's name */
};

/* Of this directory, or (NULL) of systemd's.  False with errno. */
bool credentials_open(struct credentials *ret, const char *path);
void credentials_close(struct credentials *c);

/* Those of a target, opened, into its job; their names are the caller's to free, in either case.  False with
 * a sentence in why[]: one that others can read, or too many of them. */
bool credentials_give(const struct credentials *c, const char *target, struct send_job *job,
                      char *names[SEND_CREDENTIALS], char *why, size_t why_size);

#endif
