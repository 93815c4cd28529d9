/*
 * One name in an inbound directory, from the first sight until it is gone.
 * All in memory: forgetting everything is harmless, the next scan finds it again.
 *
 *   SETTLING  seen; waits until it has not changed for the settle time, by our
 *             own clock, or until its sidecar file is there
 *   DUE       to be handed to a worker
 *   RUNNING   a worker has it
 *   WAITING   could not be handled; due again when its back-off is over
 *   REFUSED   nothing that we take: a link, a FIFO ...  Logged once; looked at
 *             again with each scan
 *   HANDLED   a worker was done with it, yet the name is still there
 */
#ifndef HANDBACK_DAEMON_INBOX_FILE_H
#define HANDBACK_DAEMON_INBOX_FILE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "daemon/inbox/queue.h"
#include "lib/base/aside.h"

enum file_state {
	FILE_SETTLING,
	FILE_DUE,
	FILE_RUNNING,
	FILE_WAITING,
	FILE_REFUSED,
	FILE_HANDLED,
	FILE_STATES
};
extern const char *const file_state_words[FILE_STATES];

struct source;

/* What of a file changes when somebody writes to it or puts another in its place. */
struct file_print {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct file {
	struct source *source;
	enum file_state state;
	int64_t seen_us; /* first sight, wall clock */
	bool printed;    /* print is there */
	struct file_print print;
	struct aside_known sidecar; /* its sidecar file, as it was before a worker had the file; inode 0: none */
	uint64_t scan;              /* the last scan of the source that saw it */
	unsigned failures;          /* in a row */
	int crashed;    /* the signal of its own fault that ended the last worker over it; 0: none did */
	bool logged;    /* REFUSED, HANDLED: was logged */
	bool busy;      /* WAITING: for a writer, not for us */
	char stage[33]; /* RUNNING: how far, as the worker said; empty: nothing yet */
	int64_t stage_records;
	bool committed;   /* RUNNING: its decision is committed, the rest of the job keeps no file of the partner
	                     waiting */
	int64_t since_ms; /* in this state, by loop_now_ms */
	struct event *timer;
	struct queue_node due;
	TAILQ_ENTRY(file) tracked; /* of the source, by last sight */
	char name[];
};

/* How it came that we look at a file. */
enum file_sight {
	FILE_IN_PASSING, /* it is in a listing, or an event has its name */
	FILE_FINISHED,   /* an event: its writer closed it, or it was renamed in */
	FILE_TIMER       /* its settle time or back-off is over */
};

/* What a source says of all of its files. */
struct file_rule {
	bool told_by_name; /* a name that counts says that its file is complete: a sidecar file, or
	                      handback-fetch's */
	int64_t settle_ms;
};

/* What is to become of a file that was looked at: source.c does it. */
struct file_action {
	enum file_state to;  /* where it goes, or the state that it is in */
	bool settles;        /* through SETTLING, also where that is over at once */
	bool stops;          /* its timer */
	int64_t ms;          /* -1, or when its timer is to ring */
	const char *message; /* to be logged, or NULL */
	const char *why;     /* goes with it, or NULL */
};

/* The file is there.  st is of the name itself (not followed); complete: its sidecar file is there, or none
 * is wanted. */
struct file_action file_seen(struct file *f, const struct stat *st, bool complete, enum file_sight sight,
                             const struct file_rule *rule);

/* The name is there, but it cannot be looked at: logged once, like any other refusal. */
struct file_action file_unreadable(struct file *f, int error);

/* For source.c: a new file in SETTLING that no scan has seen, and its end.  on_timer gets the file. */
struct file *file_new(struct source *source, struct event_base *base, const char *name,
                      event_callback_fn on_timer);
void file_free(struct file *f); /* NULL is fine; out of the queue and the counts before that */

#endif
