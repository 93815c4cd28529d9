/*
 * What becomes of a file whose records are staged: the file as a whole first,
 * then every record by set-based SQL (decide.sql), then the guard.  Nothing is
 * posted or written here: what was decided is kept aside (decided.h).
 */
#ifndef HANDBACK_RECONCILE_DECIDE_DECIDE_H
#define HANDBACK_RECONCILE_DECIDE_DECIDE_H

#include "lib/base/limits.h"
#include "lib/db/pg.h"
#include "lib/profile/policy.h"
#include "lib/profile/profile.h"
#include "reconcile/decide/decided.h"
#include "reconcile/stage/parse_report.h"

/* From here on statements are planned for their file, with statistics; below it they are prepared once. */
#define DECIDE_LARGE 5000

/* What a file is not held for any more: by a release, which waives the checks that it was held by and no
 * other.
 */
enum waiver {
	WAIVE_TEST = 1,
	WAIVE_GAP = 2,
	WAIVE_RESUBMISSION = 4,
	WAIVE_GUARD = 8,
	WAIVE_PARTS = 16,
	WAIVE_JUMP = 32,
	WAIVE_UNMATCHED = 64,
	WAIVE_VOID = 128,
	WAIVE_ACKNOWLEDGED = 256,
	WAIVE_ALL = 511
};

/* That of hold_reasons, as words between spaces; other reasons waive nothing. */
unsigned decide_waived(const char *reasons);

struct decide {
	struct pg *pg;
	const struct policy *policy;
	const struct parse_report *report;
	const char *profile; /* its name */
	int64_t partner_id;
	struct name_facts name;  /* what the file's name says; zero: nothing */
	int64_t release_of;      /* the held file that it was, or 0 */
	int64_t read_again;      /* the posted file that it is, or 0 */
	unsigned waived;         /* enum waiver, or'ed */
	struct decided *decided; /* takes the records, where the file is not held as a whole before */
};

struct effect {
	const char *hold; /* a hold_reason of the whole file, or NULL: it is to be posted (static text) */
	char message[LIMIT_MESSAGE_BYTES]; /* why, where the parser's refusals do not say it */
	int64_t records, confirmed, reversed, already_applied, duplicate_record, informational, held;
	int64_t unknown; /* of those that are held: for an unknown reference */
	int64_t points;  /* of what is reversed; INT64_MAX also for more */
	int64_t grouped; /* redemptions that records of groups answer: the guard counts them, the numbers above do
	                    not */
	bool older;      /* than a file of the partner that was posted */
	/* its place among numbered files, where it has one (place.h) */
	bool placed, in_period;
	int64_t period, position;
};

/* Is a file this large, for planning? */
bool decide_large(const struct parse_report *report);

/* Runs in the open transaction, and keeps other files of the partner waiting until it ends. */
enum pg_status decide_file(const struct decide *d, struct effect *ret);

/* Decides no record of nobody's and rolls that back, so that what a small file's statements need (plans, the
 * server's caches) is there when the first one comes.  In no transaction. */
enum pg_status decide_warm_up(struct pg *pg);

#endif
