/*
 * Files that are kept and that the database does not know: it was restored from
 * a backup that is older than the archive, or it is another one
 * (docs/operator.md, "Backup and restore").
 */
#ifndef HANDBACK_SPOOL_ORPHANS_H
#define HANDBACK_SPOOL_ORPHANS_H

#include <stdbool.h>

#include "lib/base/limits.h"
#include "lib/db/pg.h"
#include "lib/spool/archive.h"

struct orphans {
	char path[ARCHIVE_PATH_SIZE];  /* below the spool: the newest that is not known; "" for none */
	char why[LIMIT_MESSAGE_BYTES]; /* the archive cannot be read; "" when it can */
};

/*
 * Looks through archive and quarantine of the spool, newest day first; with `newest` only at the newest day
 * and at quarantine.  What was archived in the last seconds is left out: its transaction may be younger than
 * the caller's snapshot.
 */
enum pg_status orphans_find(struct pg *pg, int spool, bool newest, struct orphans *ret);

#endif
