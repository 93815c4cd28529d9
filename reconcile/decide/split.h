/* Redemptions that are answered in parts, where the profile says split (split.sql). */
#ifndef HANDBACK_RECONCILE_DECIDE_SPLIT_H
#define HANDBACK_RECONCILE_DECIDE_SPLIT_H

#include "reconcile/decide/decide.h"

/* After match and find_duplicates: what each record is of its redemption, for decide.sql.  A test file has
 * none. */
enum pg_status split_records(const struct decide *d);

/* Keeps what split_records found new, with the file's outcomes and holds there; of a file that was read again
 * that of pg_temp.decided alone. */
enum pg_status split_keep(struct pg *pg, int64_t file_id, bool read_again);

#endif
