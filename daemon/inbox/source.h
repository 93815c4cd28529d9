/*
 * One inbound directory: scans it, and the tracked files.
 *
 * A scan lists the whole directory in bounded batches, so that a hundred
 * thousand names hold up nobody else.  It is the truth; events only make
 * single names seen earlier.  Directories are taken to be local or at least
 * answering: opendir, readdir and fstatat are made in the loop.
 *
 * The struct is open for reading (daemon/serve/status.c); only the files of this
 * room write it.  Calls run one way: scan.c calls source.c, and that file.c, which
 * answers with what is to be done; what happens by itself is reported by source_calls.
 */
#ifndef HANDBACK_DAEMON_INBOX_SOURCE_H
#define HANDBACK_DAEMON_INBOX_SOURCE_H

#include <dirent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/inbox/file.h"
#include "daemon/inbox/queue.h"
#include "lib/config/config.h"

/* What the last whole scan said: "nothing there" and "could not read it" are different things. */
enum scan_result { SCAN_NONE_YET, SCAN_FILES, SCAN_EMPTY, SCAN_FAILED, SCAN_RESULTS };
extern const char *const scan_words[SCAN_RESULTS];

/* Since the start. */
struct engine_totals {
	uint64_t posted, held, duplicate; /* files */
	uint64_t held_records;            /* of posted files */
	uint64_t records, confirmed, reversed, already_applied, duplicate_record, informational;
	uint64_t points;             /* reversed */
	uint64_t gone, busy, failed; /* jobs that decided nothing */
	uint64_t ms;                 /* that the others took */
};

struct source_calls {
	void (*due)(void *context);                       /* some file became due */
	void (*scanned)(void *context, struct source *s); /* a scan ended, well or not */
	void (*opened)(void *context, struct source *s);  /* s->dir needs a watch: another one, or it has none */
	void (*wants_scan)(void *context);                /* scan_step has something to do */
	void (*scan_is_due)(void *context, struct source *s); /* scan_begin */
	void (*check_is_due)(void *context, struct file *f);  /* scan_file: its settle time or back-off is over */
};

struct source {
	struct event_base *base;
	const struct source_calls *calls;
	void *context;
	const struct config_source *config;
	char *name, *partner;
	int64_t rescan_ms;
	bool once; /* one scan, no scan again by timer */

	struct sftp *sftp; /* where its files come from, NULL: from whoever puts them here; the engine's */
	int dir;           /* -1: not open */
	int watch;         /* inotify's id, -1: none; kept by the caller of source_new */
	bool watch_stale;  /* it is of a directory that was replaced */
	dev_t device;
	ino_t inode;
	bool was_mount; /* the directory was a mount point when it was opened */

	enum scan_result last;
	int last_error;              /* errno of SCAN_FAILED */
	const char *last_error_text; /* or what else is the matter; NULL: last_error says it */
	int64_t scanned_us;          /* end of the last scan; 0: none yet */
	uint64_t scans_by_result[SCAN_RESULTS];
	uint64_t scan;          /* number of the scan that is under way, or was last */
	uint64_t finished_scan; /* the last that came to its end */
	uint64_t asked_scan;    /* the one that scan_begin asked for */
	DIR *listing;           /* a scan is under way */
	bool sweeping;          /* its listing is read; what it did not see is being forgotten */
	bool scan_again;        /* asked for while one was under way */
	size_t names;           /* candidates seen by it */
	size_t stuck;           /* files that it could not put back */
	bool stuck_told;        /* that was logged */
	size_t unnamed;         /* names that cannot be taken and are not kept: there are many */
	bool unnamed_told;      /* that was logged */
	bool capped;            /* the last scan saw more names than are kept */
	size_t freed;           /* files forgotten since it began: room for those */
	struct event *timer;    /* the next scan */

	void *by_name; /* tree of tsearch(3); its keys are the files' names */
	TAILQ_HEAD(, file) tracked;
	struct queue due;
	size_t counts[FILE_STATES];
	struct engine_totals totals; /* kept by jobs.c */
	bool closed;                 /* source_close was called; freed with its last running file */
};

/* NULL: no memory.  Starts with a scan.  config has to live until source_configure or source_close. */
struct source *source_new(struct event_base *base, const struct config_source *config, int64_t rescan_ms,
                          bool once, const struct source_calls *calls, void *context);
/* The same source by a reloaded configuration with the same directory; to be scanned after that. */
void source_configure(struct source *s, const struct config_source *config, int64_t rescan_ms);
/* Forgets everything; a file that is running keeps the rest alive until source_end. */
void source_close(struct source *s);

/* The first file that is due, now RUNNING; NULL when none is. */
struct file *source_take(struct source *s);
/* Where a job ended, what becomes of the file: it is decided and the name should be gone, or it is looked at
 * again then (busy: it waits for a writer, not for us). */
void source_handled(struct file *f);
void source_wait(struct file *f, int64_t ms, bool busy);
/* Its job has ended, after source_handled or source_wait; s may be gone afterwards. */
void source_end(struct source *s);
/* Forgets a file that is not running. */
void source_forget(struct source *s, struct file *f);
/* After a handled file that is gone: removes its sidecar file, where the source has sidecar files; one that
 * has come since is another file's. */
void source_remove_sidecar(struct source *s, const struct file *f);

/* Still to be decided without a person or a partner: settling, due or running. */
size_t source_open_files(const struct source *s);

/* For scan.c. */
/* Does handback-fetch fill the directory?  Then names in it are of complete files, without sidecar files. */
bool source_is_fetched(const struct source *s);
/* The suffix of sidecar files in the directory, or NULL: a marker, or a checksum file. */
const char *source_sidecar(const struct source *s);
/* The file is there, as file_seen and file_unreadable have it. */
void source_seen(struct file *f, const struct stat *st, bool complete, enum file_sight sight);
void source_unreadable(struct file *f, int error);
struct file *source_find(const struct source *s, const char *name);
/* A new file; NULL when LIMIT_LISTING names are kept already, a tenth less of those that cannot be taken now,
 * or without memory. */
struct file *source_add(struct source *s, const char *name, bool takeable);
/* Looks again when there is room for names that did not fit before. */
void source_use_room(struct source *s);

#endif
