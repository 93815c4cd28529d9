/*
 * What one run of handback-fetch is told, as packets on descriptor 3
 * (lib/protocol/channel.h, lib/protocol/message.h).  docs/architecture.md, "Fetch protocol",
 * has the table.
 */
#ifndef HANDBACK_FETCH_JOB_H
#define HANDBACK_FETCH_JOB_H

#include "lib/base/limits.h"
#include "fetch/remote.h"

#define JOB_GLOBS 32
#define JOB_PATH_BYTES 1024   /* a remote directory */
#define JOB_ANSWER_BYTES 4096 /* the template of an answer */

enum job_mode {
	JOB_FETCH, /* poll, bring, then what is due afterwards */
	JOB_AFTER, /* only what is due afterwards: moves, deletes, answers */
	JOB_PROBE, /* say what the server offers; change nothing of ours */
};

enum job_after { JOB_LEAVE, JOB_MOVE, JOB_DELETE };
enum job_twin { JOB_NO_TWIN, JOB_MARKER, JOB_SHA256 };

struct job {
	enum job_mode mode;
	char *source;
	struct remote_target target;
	char *directory;
	int spool_fd; /* spool/incoming/<source> */
	char *patterns[JOB_GLOBS], *ignores[JOB_GLOBS];
	size_t pattern_count, ignore_count;
	int64_t settle_ms; /* a file has to stay as it is for so long, over two polls; 0: not at all */
	enum job_twin
	    twin; /* with a twin NAME + suffix beside it no settling is needed, and without it no fetching */
	char *twin_suffix;
	int64_t file_bytes, listing;
	int64_t reread_ms; /* what was left at the partner's is read again after so long; 0: never */
	enum job_after after;
	char *after_directory;
	char *answer, *answer_name, *answer_directory; /* answer NULL: none */
	int64_t stall_ms, run_ms, rate_per_s;
	bool may_write;   /* probe: try writing and renaming */
	bool no_landlock; /* the operator wrote it off */
};

/*
 * Reads packets up to `go`.  False with a sentence in why[why_size] for anything
 * that does not fit, or when the other end is gone.  The caller frees the job
 * with job_free in either case; it closes the descriptors too.
 */
bool job_read(int channel, struct job *ret, char *why, size_t why_size);
void job_free(struct job *job);

#endif
