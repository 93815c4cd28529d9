/* The daemon put together: signals, reload, stop, and what systemd hears. */
#ifndef HANDBACK_DAEMON_DAEMON_H
#define HANDBACK_DAEMON_DAEMON_H

#include <stdbool.h>

#include "lib/config/config.h"

/*
 * Runs until it is asked to stop or, once, until nothing is due any more.  Takes config and config_fd.
 * Returns the exit status.
 */
int daemon_run(struct config *config, int config_fd, bool once);

#endif
