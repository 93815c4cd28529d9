/*
 * The schema's version.  The numbered files of schema/migrations/ are compiled
 * in; a database has had a beginning of their list, each with the same text.
 * schema/present/ is what they come to: what an empty database gets at once.
 */
#ifndef HANDBACK_DB_MIGRATE_H
#define HANDBACK_DB_MIGRATE_H

#include <stddef.h>

#include "lib/db/pg.h"

/* A file was applied: its number and name ("0002_ledger.sql"). */
typedef void migrate_progress(void *arg, int version, const char *name);

/*
 * Applies what is missing, one migrating process at a time: to an empty database
 * schema/present/, in one transaction that notes every migration as done; to any
 * other each missing migration in its own transaction, which looks first at what there is by then.  Nothing
 * is applied where a file that was applied has another text now, or the database has had one that we do not
 * know. *ret_applied: how many.  On failure a message in why[why_size]; what was applied before stays, and
 * the next call goes on there.
 */
enum pg_status migrate_apply(struct pg *pg, migrate_progress *progress, void *arg, int *ret_applied,
                             char *why, size_t why_size);

/*
 * What every other program does at its start: PG_OK when the database has had
 * exactly our list.  PG_ERROR, and what to do in why[why_size], otherwise.
 */
enum pg_status migrate_check(struct pg *pg, char *why, size_t why_size);

#endif
