/*
 * A delivery to a system that takes nothing but files: a file for each kind of object, named by the delivery.
 * It is written under a temporary name, noted in the database with its size as a job of the delivery, and has
 * its last name only then: whoever goes on with the delivery knows what was done, and no row is given twice.
 */
#ifndef HANDBACK_OUTBOUND_DROP_H
#define HANDBACK_OUTBOUND_DROP_H

#include <stdbool.h>

#include "lib/db/pg.h"
#include "outbound/delivery.h"
#include "outbound/tell.h"

/* All of it at once; what came of it stands in the delivery.  files: the directory that has one for each
 * target; NULL: there is none.  resumed: of claim's rows that tell how far it came.
 * *ret_full: as many as a claim may be, so that more may wait. */
enum pg_status drop_delivery(struct delivery *d, const char *files, const char *target, bool resumed,
                             struct tell *tell, bool *ret_full);

#endif
