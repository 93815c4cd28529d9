/* When something was last done, for the daemon's metrics. */
#ifndef HANDBACK_CTL_MOMENT_H
#define HANDBACK_CTL_MOMENT_H

/* Now is when: handback_<what>_timestamp_seconds in <what>.prom of the spool, replaced as a whole.  -1 with
 * errno. */
int moment_keep(int spool, const char *what, const char *help);

#endif
