/* The .reason beside a file in quarantine: what was wrong, where, and what to do, for a person. */
#ifndef HANDBACK_RECONCILE_FILE_REASON_TEXT_H
#define HANDBACK_RECONCILE_FILE_REASON_TEXT_H

#include "lib/db/pg.h"

/* From the tables, so that it can be written again after a crash.  The caller frees *ret_text. */
enum pg_status reason_text(struct pg *pg, int64_t file_id, char **ret_text);

#endif
