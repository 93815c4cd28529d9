/* When something was last done, for the daemon's metrics. */
#ifndef HANDBACK_NIGHTLY_MOMENT_H
#define HANDBACK_NIGHTLY_MOMENT_H

/* Now is when: handback_<what>_timestamp_seconds in this file (lib/base/gauges.h).  -1 with errno. */
int moment_keep(int spool, const char *name, const char *what, const char *help);

#endif
