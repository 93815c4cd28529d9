/* What the parts of job.h have in common: only their own files include this. */
#ifndef HANDBACK_RECONCILE_FILE_JOB_PART_H
#define HANDBACK_RECONCILE_FILE_JOB_PART_H

#include "reconcile/decide/decide.h"
#include "reconcile/file/job.h"

/* Columns of release_due.sql; from RELEASE_MADE on: file, state, hold_reason, records, decided_at. */
enum {
	RELEASE_KIND,
	RELEASE_FILE,
	RELEASE_SOURCE,
	RELEASE_PARTNER,
	RELEASE_PROFILE,
	RELEASE_NAME,
	RELEASE_SHA256,
	RELEASE_KEPT,
	RELEASE_SEEN,
	RELEASE_PASSED,
	RELEASE_HOLD,
	RELEASE_MADE
};

/* Says why; gives JOB_FAILED. */
enum job_end job_fail(struct job_result *result, const char *what, const char *detail);
/* The same of what the database said, kept in r->status; JOB_LOST where the connection is gone. */
enum job_end job_fail_database(struct reconciler *r, struct job_result *result, enum pg_status status,
                               const char *what);

/*
 * Gives an open file to its parser, which begins; the job_parse that comes next must be of the same file, or
 * reconciler_stop_given called.  0, or -1 with errno.
 */
int job_give(struct reconciler *r, int file, const char *name);
void reconciler_stop_given(struct reconciler *r);

/*
 * Parses an open file, which may come sealed, with the profile in r->profile
 * into pg_temp.stage and told, in the open transaction.  JOB_DONE with *ret_end
 * (PARSER_DONE also where it is refused for its seal), JOB_FAILED or JOB_LOST.
 */
enum job_end job_parse(struct reconciler *r, int file, const char *name, const struct stage_watch *watch,
                       struct told *told, enum parser_end *ret_end, struct job_result *result);
/* The refusal of a file that no parser has seen, as if one had told it. */
enum job_end job_refuse(struct reconciler *r, const char *rule, const char *message, struct told *told,
                        struct job_result *result);

#endif
