/*
 * Request files, and files of questions: the batches of points requests become files, by a profile read backwards.  For each partner
 * a directory PROGRAMME/PARTNER with profile.yaml, and out/ where the files appear: whole, under their last
 * name, once.  A file is durable under a temporary name before the database is told, and only then renamed;
 * so after any cut the temporary name says whether the file was there.  In place of out/ there may be sftp, a
 * link to .requests in the incoming directory of the partner's source: handback-fetch uploads what is there.
 */
#ifndef HANDBACK_OUTBOUND_REQUESTS_H
#define HANDBACK_OUTBOUND_REQUESTS_H

#include "lib/db/pg.h"

/* Goes on with every partner's batch.  What is wrong with one partner's directory or profile is logged, and
 * is not the others' matter. */
enum pg_status requests_step(struct pg *pg, const char *directory);
/* Closes the batches whose control account is at zero, by file or not. */
enum pg_status requests_close(struct pg *pg);

#endif
