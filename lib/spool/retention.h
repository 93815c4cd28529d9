/*
 * Retention: kept copies that are old enough, and that nothing waits for any
 * more, leave the spool.  No row ever does; the hashes stay.
 *
 * First the event that names the files is committed, then the copies go: what a
 * crash leaves between the two is removed by the next run.  Copies that this
 * spool does not have are left to the one that has them.
 */
#ifndef HANDBACK_SPOOL_RETENTION_H
#define HANDBACK_SPOOL_RETENTION_H

#include <stdbool.h>

#include "lib/base/limits.h"
#include "lib/db/pg.h"
#include "lib/spool/spool.h"

struct retention_part {
	int64_t keep_ms; /* for how long; 0: for ever */
	int64_t files, bytes;
};

struct retention {
	struct retention_part archive, quarantine;
	char why[LIMIT_MESSAGE_BYTES]; /* the first copy that could not be looked at or removed, and why; "" */
};

/* Counts what is due by keep_ms of both parts, which the caller sets; with `remove` it is removed, and what
 * was removed is counted. */
enum pg_status retention_run(struct pg *pg, const struct spool *spool, bool remove, struct retention *r);

#endif
