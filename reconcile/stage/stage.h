/*
 * From the parser's pipe into the session's table pg_temp.stage, by binary COPY.
 */
#ifndef HANDBACK_RECONCILE_STAGE_STAGE_H
#define HANDBACK_RECONCILE_STAGE_STAGE_H

#include "lib/db/pg.h"
#include "lib/profile/policy.h"
#include "reconcile/stage/parse_report.h"

enum stage_end {
	STAGE_DONE,     /* everything was reported and staged; report->end says whether the file is refused */
	STAGE_BROKEN,   /* the frames make no sense: *ret_broken says why (static text) */
	STAGE_UNREAD,   /* the pipe could not be read, or what came not kept: nothing that the parser did;
	                 *ret_broken */
	STAGE_DATABASE, /* *ret_status */
};

/*
 * Reads frames from fd to their end, within the open transaction, and believes
 * nothing of them that `given` denies.  report is open and takes what is no record.
 */
struct stage_watch {
	/* now and then, for who waits: what is being done, and with how many records; may be NULL */
	void (*stage)(void *context, const char *name, uint64_t records);
	void *context;
};
enum stage_end stage_file(struct pg *pg, int fd, const struct parse_given *given, const struct policy *policy,
                          const struct stage_watch *watch, struct parse_report *report,
                          const char **ret_broken, enum pg_status *ret_status);

/* The policy applied to the codes of one record (joined by U+001F, as in RECORD_REASONS). */
struct stage_verdict {
	uint8_t verdict;     /* what the codes make of the partner's verdict */
	const char *problem; /* a hold_reason, or NULL */
};
struct stage_verdict stage_judge(const struct policy *policy, uint8_t verdict, const char *codes, size_t len);

#endif
