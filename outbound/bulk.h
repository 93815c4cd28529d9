/*
 * A part that is told by a job of the target.  What was done is in the database before the next is asked
 * for, so that a job outlives whoever told of it:
 *
 *   create -> upload -> close -> poll … -> results
 *
 * A job that was not closed has no effect: where nobody knows whether all of it is there it is left, and its
 * objects go with another.  One that may be closed is asked for, never told again.
 */
#ifndef HANDBACK_OUTBOUND_BULK_H
#define HANDBACK_OUTBOUND_BULK_H

#include "outbound/delivery.h"
#include "outbound/tell.h"

/* As send_job.h calls what is asked of it. */
const char *bulk_step(const struct part *p);
/* Jobs of a delivery that somebody else began: rows as of tell_resume, whose objects d has.  They are asked
 * for first. */
void bulk_resume(struct delivery *d, const struct pg_result *rows);
/* What became of the step.  leaves: the target is to be told nothing more, so that an outage is not waited
 * out.  PG_OK, or what the database said. */
enum pg_status bulk_done(struct delivery *d, struct part *p, const struct send_report *report,
                         struct tell *tell, bool leaves, int64_t now_ms);

#endif
