/*
 * The notifications of held files, made from what the database and the quarantine
 * say: a worker that dies between its COMMIT and its words loses none, since
 * whoever opens the next connection finds the file held and not reported.
 */
#ifndef HANDBACK_RECONCILE_POST_NOTIFY_HOLDS_H
#define HANDBACK_RECONCILE_POST_NOTIFY_HOLDS_H

#include "lib/db/pg.h"
#include "lib/spool/spool.h"

/*
 * Keeps a notification (lib/protocol/notification.h) of this held file, or with 0 of each that still waits,
 * unless it was kept before.  Files in another machine's quarantine are that machine's to report.  What
 * cannot be kept is logged, and found again with the next connection.
 */
enum pg_status notify_holds(struct pg *pg, const struct spool *spool, int64_t file_id);

#endif
