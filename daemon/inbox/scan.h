/* How a source scans its directory: all of it in batches, or a name that an event or a timer is about. */
#ifndef HANDBACK_DAEMON_INBOX_SCAN_H
#define HANDBACK_DAEMON_INBOX_SCAN_H

#include "daemon/inbox/source.h"

/* A scan as soon as may be; one that is under way does not count. */
void scan_begin(struct source *s);
/* Has every scan come to its end that was asked for, and is there no room for names that did not fit? */
bool scan_is_done(const struct source *s);
/* One batch of the scan under way; false when there is nothing (more) to do. */
bool scan_step(struct source *s);
/* An event named it. */
void scan_hint(struct source *s, const char *name, bool finished);
/* The directory's watch is gone. */
void scan_lost(struct source *s);
/* Looks at one file now; it may be gone afterwards. */
void scan_file(struct file *f, enum file_sight sight);

#endif
