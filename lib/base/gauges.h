/*
 * What other processes report to the daemon's metrics: texts in the format of
 * Prometheus, in files of the spool that are replaced as a whole.
 */
#ifndef HANDBACK_BASE_GAUGES_H
#define HANDBACK_BASE_GAUGES_H

#include <stddef.h>

#define GAUGES_COLLECTOR "collector.prom" /* of the database and the spool */
#define GAUGES_NIGHTLY "nightly.prom"     /* when the night was last here */
#define GAUGES_VERIFY "verify.prom"       /* when the proof was last found to be whole */

/* 0, or -1 with errno.  A power loss may leave the one before, and no half of one. */
int gauges_keep(int spool, const char *name, const char *text, size_t len);

#endif
