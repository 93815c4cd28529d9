/*
 * One run: what its steps share.  A step returns false when the run cannot go on
 * (the connection is cut, the spool fails); fetch_stop has reported it then.
 */
#ifndef HANDBACK_FETCH_FETCH_H
#define HANDBACK_FETCH_FETCH_H

#include "fetch/state.h"
#include "fetch/remote.h"
#include "lib/protocol/fetch_job.h"
#include "lib/protocol/message.h"

struct fetch {
	struct fetch_job job;
	struct remote_target target; /* of the job */
	struct remote *remote;
	struct state_file *state;
	int work;             /* spool/incoming/<source>/.fetch */
	int64_t now;          /* µs since 1970, at the start */
	bool polled, stopped; /* what was reported already */
	/* what `done` reports */
	int64_t names, waiting, refused, files, bytes, failed, after_done, after_failed, answered;
	bool partial; /* the listing was not read to its end */
};

/* Reports `failed` with its stage and why, once.  Returns false. */
bool fetch_stop(struct fetch *f, const char *stage, const char *why);
/*
 * What handbackd wrote of files that we brought and that are in the archive (or in quarantine) now: lines in
 * .fetch/archived.  They become ENTRY_ARCHIVED, and their answers are made (archived.c).
 */
bool fetch_note_archived(struct fetch *f);

/* Lists the directory and decides what is due (poll.c). */
bool fetch_poll(struct fetch *f);
/* Finds out whether the files got their names that a run which broke off was about to store (take.c). */
bool fetch_finish_stores(struct fetch *f);
/* Brings one file that is due (take.c). */
bool fetch_take(struct fetch *f, struct state_entry *e);
/* What the configuration says for files that are archived (after.c). */
bool fetch_after(struct fetch *f);
/* Uploads the answers that lie in .fetch (answer.c). */
bool fetch_answer(struct fetch *f);
/* Reads a remote file whole; REMOTE_END when it is these bytes and no others (answer.c). */
enum remote_status fetch_read_back(struct fetch *f, const char *path, const char *bytes, size_t len);
/* Uploads the request files that lie in .requests, once each (requests.c). */
bool fetch_requests(struct fetch *f);
/* Makes the answer for one archived file, from its line; nothing when none is wanted.  0, or -1 with errno.
 */
int fetch_make_answer(struct fetch *f, const struct message *archived, const struct state_entry *e);
/* Reports what the server offers (probe.c). */
bool fetch_probe(struct fetch *f);

/* The remote path of a name in the source's directory. */
#define fetch_path(f, buf, name) name_path(buf, (f)->job.directory, name)

#endif
