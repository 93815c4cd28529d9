/* What a daemon needs before it can run: its configuration, and a spool of its own. */
#ifndef HANDBACK_DAEMON_SETUP_H
#define HANDBACK_DAEMON_SETUP_H

#include "lib/config/config.h"

/*
 * Reads the configuration and keeps its bytes in a memfd, so that children read what was accepted and not
 * what the file says by then.  0 and both set; -1 with the mistakes in p.  The caller frees and closes.
 */
int setup_config(const char *path, struct problems *p, struct config **ret_config, int *ret_fd);

/*
 * Makes the spool's directories and takes its lock.  A descriptor to keep open; -1 and a message; -2 when
 * another handbackd has it.
 */
int setup_spool(const struct config *config, char *why, size_t why_size);

/* Makes the directories that handback-fetch fills; what cannot be made shows when it is looked at. */
void setup_incoming(const struct config *config);

/* handbackd --check: says what is wrong on stderr, or that nothing is on stdout.  An exit status. */
int setup_check(const char *config_path);

#endif
