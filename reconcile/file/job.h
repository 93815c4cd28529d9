/*
 * One file's way, from the inbound directory to the archive: the steps of
 * docs/architecture.md in order, each safe to do again.  And the same without
 * any effect, for a dry run.
 */
#ifndef HANDBACK_RECONCILE_FILE_JOB_H
#define HANDBACK_RECONCILE_FILE_JOB_H

#include "lib/base/limits.h"
#include "lib/proof/leaf.h"
#include "lib/protocol/worker_job.h"
#include "reconcile/decide/decided.h"
#include "reconcile/file/reconciler.h"
#include "reconcile/stage/stage.h"

struct job {
	const char *source, *partner, *profile;
	const char *name; /* bytes, NUL-ended: in dir */
	int dir;
	int64_t seen_at;      /* µs since 1970 UTC */
	const char *checksum; /* suffix of the sidecar file that has its SHA-256, or NULL */
	int crashed;          /* the signal of its own fault that ended the last worker over it; 0: none did */
	struct stage_watch watch;
	int answers;               /* directory for the partner's rejects; -1: none are made */
	const char *answer_suffix; /* of a name in it */
	/* of a release: the file that was held, and a copy's name in dir, where it is kept; else 0 and NULL */
	int64_t release_of;
	const char *kept;
	uint8_t sha256[SHA256_BYTES]; /* that it has to have */
};

/* How it ended; JOB_LOST: pg_reopen before the next.  ret->end and ret->ms are whose sends it. */
enum job_end job_run(struct reconciler *r, const struct job *job, struct job_result *ret);

/*
 * A dry run: `file` is open for reading at its start, the profile is in
 * r->profile.  Parses, decides, shows each record's leaf (no reversal is
 * posted: has_reversal is false) and rolls back.  JOB_DONE or JOB_FAILED/LOST.
 */
struct job_trial {
	const char *name; /* as the partner would name it */
	int file;
	void (*show)(void *context, const struct leaf *leaf);
	void (*on_report)(void *context,
	                  const struct parse_report *report); /* facts, controls, refusals; before the records */
	void *context;
	unsigned waived;    /* enum waiver, or'ed */
	int64_t release_of; /* the held file that is tried, or 0 */
	int64_t read_again; /* the posted file that it is, or 0 */
	/* instead of showing: done in the transaction, which is then committed; the file was let in before */
	enum pg_status (*apply)(void *context, struct pg *pg, struct decided *decided);
};
enum job_end job_try(struct reconciler *r, const struct job_trial *trial, struct job_result *ret);

#endif
