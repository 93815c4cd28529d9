/*
 * Records that named a redemption which was not there yet: their file is read
 * again from the archive, and those that fit one now are decided by the same
 * SQL as if they had come today.  What was decided becomes a later revision of
 * the outcome, with an act of its own; what still fits nothing, or would be
 * held for another reason, stays as it is.
 */
#ifndef HANDBACK_RECONCILE_LATER_H
#define HANDBACK_RECONCILE_LATER_H

#include "reconcile/job.h"

struct later {
	int64_t files;                 /* that were read again */
	int64_t matched;               /* records that were decided */
	int64_t reversed;              /* of them */
	int64_t failed;                /* files that could not be read again: the next run tries */
	char why[LIMIT_MESSAGE_BYTES]; /* the last of those */
};

/*
 * All files of a source that have such records, not older than the profile's
 * unknown_days.  r has its connection, spool and profiles directory; the
 * source's profile is loaded.  PG_OK, or what the database said.
 */
enum pg_status later_source(struct reconciler *r, const char *source, struct later *ret);

/* How many records that would try, and how many are left to people since they are older. */
enum pg_status later_count(struct pg *pg, const char *source, int32_t unknown_days, int64_t *ret_young,
                           int64_t *ret_old);

#endif
