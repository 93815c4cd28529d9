/* What would become of a file if it were delivered now, as a document: judged in a transaction that is rolled back. */
#ifndef HANDBACK_TRY_TRIAL_H
#define HANDBACK_TRY_TRIAL_H

#include "lib/base/codes.h"
#include "lib/base/sum.h"
#include "lib/finance/output/table.h"
#include "reconcile/file/job.h"

#define TRIAL_OUTCOMES 9 /* enum outcome, from 1 */

struct trial {
	struct document *document;
	struct table *result, *refusals, *controls, *outcomes, *records;
	int file;
	uint64_t limit, seen; /* records shown, 0: all; records there were */
	int64_t count[TRIAL_OUTCOMES];
	sum_t points[TRIAL_OUTCOMES];
	char sequence[24], *partner_file_id;
};

/* limit: at most so many records are shown, as text; NULL: all. */
void trial_open(struct trial *t, const char *limit);
void trial_close(struct trial *t);

/* Tries the file by the profile that r has; what: its name, its descriptor, and what is known of it.  whole: how all
 * records are had, for a note where some were left out. */
enum job_end trial_run(struct trial *t, struct reconciler *r, const struct job_trial *what, const char *whole,
                       struct job_result *ret);

#endif
