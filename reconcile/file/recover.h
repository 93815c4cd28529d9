/*
 * What a crash left behind: copies whose owner is gone, and files that were
 * decided and whose archiving is not recorded.  Run when a connection is opened;
 * safe beside other workers.
 */
#ifndef HANDBACK_RECONCILE_FILE_RECOVER_H
#define HANDBACK_RECONCILE_FILE_RECOVER_H

#include "lib/db/pg.h"
#include "lib/spool/spool.h"

struct recovered {
	int swept;    /* copies that nothing needs any more */
	int archived; /* files whose archiving was finished or noted */
	int stuck;    /* copies that could not be handled now: tried again at the next start */
};

enum pg_status recover(struct pg *pg, const struct spool *spool, struct recovered *ret);

#endif
