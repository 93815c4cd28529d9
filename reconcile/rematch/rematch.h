/*
 * Records that named a redemption which was not there yet: their file is read
 * again from the archive, and those that match one now are decided by the same
 * SQL as if they had come today.  What was decided becomes a later revision of
 * the outcome, with an event of its own; what is found and does not fit stays
 * held, for its true reason, and never expires; what matches nothing stays as it
 * is.
 *
 * The guard judges a file as it would be with what it reverses now: where it
 * trips, nothing of that file is decided, and its records wait for two people.
 */
#ifndef HANDBACK_RECONCILE_REMATCH_REMATCH_H
#define HANDBACK_RECONCILE_REMATCH_REMATCH_H

#include "reconcile/file/job.h"

struct rematch {
	int64_t files;                 /* that were read again */
	int64_t matched;               /* records that were decided */
	int64_t reversed;              /* of them */
	int64_t guarded;               /* records that were found, and that the guard holds */
	int64_t failed;                /* files that could not be read again: the next run tries */
	char why[LIMIT_MESSAGE_BYTES]; /* the last of those */
	/* called for each file whose records the guard holds; may be NULL */
	void (*held)(void *context, int64_t file_id, int64_t records, const char *why);
	void *context;
};

/*
 * All files of a source that have such records, however old.  r has its
 * connection, spool and profiles directory; the source's profile is loaded.
 * Adds to *ret.  PG_OK, or what the database said.
 */
enum pg_status rematch_source(struct reconciler *r, const char *source, struct rematch *ret);

/* Closes what is unknown for longer than the profile's unknown_days: *ret_expired records. Nothing is posted,
 * and a later run leaves them alone.  Not before rematch_source has tried all of them. */
enum pg_status rematch_expire(struct pg *pg, const char *source, int32_t unknown_days, int64_t *ret_expired);

/* Ends holds of a source whose redemption an application reversed, or a rematch settled, as they ask; adds
 * how many. */
enum pg_status rematch_overtaken(struct pg *pg, const char *source, int64_t *ret_overtaken);

/* How many records rematch_source would try, and how many of the rest rematch_expire closes. */
enum pg_status rematch_count(struct pg *pg, const char *source, int32_t unknown_days, int64_t *ret_young,
                             int64_t *ret_old);

#endif
