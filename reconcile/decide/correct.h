/* Records that say that they replace earlier ones, or that a file is void, where the profile reads that
 * (correct.sql). */
#ifndef HANDBACK_RECONCILE_DECIDE_CORRECT_H
#define HANDBACK_RECONCILE_DECIDE_CORRECT_H

#include "reconcile/decide/decide.h"
#include "reconcile/decide/place.h"

/* After match: what each correction replaces, and which records were replaced before they came, for
 * decide.sql. Of a file that is read again the latter alone; a test file has none. */
enum pg_status correct_records(const struct decide *d, const struct place *place);

/* Holds a file that is said to be void by one that came before it. */
enum pg_status correct_void(const struct decide *d, struct effect *e);

/* Keeps what correct_records found, with the file's outcomes and holds there, and ends the holds of what is
 * replaced. */
enum pg_status correct_keep(const struct decide *d, int64_t file_id);

#endif
