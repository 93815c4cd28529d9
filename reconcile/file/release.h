/*
 * Held files that may go: two people have released them, or what they waited
 * for is there.  Each is read again from its copy in quarantine, hash and all,
 * and decided as if it came now, but for what it was held for; it gets a row,
 * outcomes, a tie-out and a head of its own (docs/architecture.md, "Releases").
 */
#ifndef HANDBACK_RECONCILE_FILE_RELEASE_H
#define HANDBACK_RECONCILE_FILE_RELEASE_H

#include "reconcile/file/job.h"

/* Which file it was; texts are its own. */
struct release {
	struct job job;
	char source[64], partner[128], profile[LIMIT_NAME_BYTES + 1], name[LIMIT_NAME_BYTES + 1];
	char kept[LIMIT_NAME_BYTES + 1];
};

/* What hears of it, and what is known of the last worker that had one. */
struct release_watch {
	struct stage_watch stage;
	void (*taken)(void *context, int64_t file_id, int64_t bytes); /* before it is read; NULL: nobody wants to know */
	void *context;
	int64_t file; /* over whose release a worker died by its own fault; 0: none did */
	int crashed;  /* the signal of it */
};

/*
 * The next of them, in the order of the partners' numbers.  JOB_DONE with *ret
 * and *ret_result; JOB_GONE when none is left that this spool has the bytes of
 * and nobody else has in hand; JOB_FAILED with ret_result->why when only such
 * are left that cannot be handled now; JOB_LOST.
 */
enum job_end release_next(struct reconciler *r, const struct release_watch *watch, struct release *ret,
                          struct job_result *ret_result);

#endif
