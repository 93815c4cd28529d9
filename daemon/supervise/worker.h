/*
 * One handback-reconcile: started, given files one at a time, watched, and
 * replaced when it dies, hangs or says what it may not say now.  The protocol
 * is in docs/architecture.md.
 *
 *   OFF       not running; starts again when its back-off is over
 *   STARTING  has not said `ready` yet
 *   IDLE      waits for a job
 *   BUSY      has one
 *   LEAVING   was asked to finish, or was killed; its end is awaited
 */
#ifndef HANDBACK_DAEMON_SUPERVISE_WORKER_H
#define HANDBACK_DAEMON_SUPERVISE_WORKER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/supervise/child.h"
#include "lib/protocol/worker_job.h"

enum worker_state { WORKER_OFF, WORKER_STARTING, WORKER_IDLE, WORKER_BUSY, WORKER_LEAVING, WORKER_STATES };
extern const char *const worker_state_words[WORKER_STATES];

struct worker;

struct worker_calls {
	void (*idle)(void *context, struct worker *w); /* ready for a job */
	/* which file a release is of, and how large that is */
	void (*taken)(void *context, struct worker *w, int64_t file, int64_t bytes);
	void (*stage)(void *context, struct worker *w, const char *stage, int64_t records);
	void (*ended)(void *context, struct worker *w, const struct job_result *result);
	void (*retried)(void *context, int64_t times); /* the database made it begin again */
	/* it has a database again, or for the first time; NULL, 0: it has lost it */
	void (*database)(void *context, const char *server, int64_t timeline);
	void (*off)(void *context, struct worker *w);  /* its process has gone */
};

/* How workers are started; the caller's, and outlives them. */
struct worker_program {
	const char *name;   /* handback-reconcile; or handback-collect, which is never given a job */
	const char *path;   /* of it */
	const char *option; /* what its number comes after, or NULL */
	const char *config; /* path of the configuration file; relative paths in it start there */
	int config_fd;      /* its bytes as they were accepted, for descriptor 4 */
};

struct worker {
	struct event_base *base;
	int number; /* from 1, for the log */
	const struct worker_program *program;
	const struct worker_calls *calls;
	void *context;

	enum worker_state state;
	int turn;            /* enum worker_turn: what it may say now */
	bool waiting;        /* it has lost the database, and is given nothing until it says `ready` */
	bool job;            /* has one, also while LEAVING */
	void *job_of;        /* whatever worker_give was given */
	bool retired;        /* never starts again */
	struct child *child; /* NULL: none */
	pid_t pid;           /* its, for the log of its end */
	bool closed;         /* it closed its channel */
	struct event *timer;
	unsigned failures;   /* ends in a row that were none of our doing */
	int64_t ready_ms;    /* when it said so, by loop_now_ms; 0: not yet */
	int64_t deadline_ms; /* between two words of a job */
	int last_exit;       /* of waitpid, of the one before; 0 at first */
	uint64_t jobs, starts;
};

/* Starts at once.  NULL: no memory. */
struct worker *worker_new(struct event_base *base, int number, const struct worker_program *program,
                          const struct worker_calls *calls, void *context);
void worker_free(struct worker *w); /* kills it when it runs; NULL is fine */

/*
 * Gives an idle worker WORKER_JOB with the inbound directory's descriptor (which stays the caller's), or
 * WORKER_RELEASE without one, -1.
 * deadline_ms is how long it may go without a word.  False: it could not be sent; `ended` has not been
 * called.
 */
bool worker_give(struct worker *w, enum worker_message message, const struct worker_request *job, int dir,
                 int64_t deadline_ms, void *job_of);

/* From now on its job may go for so long without a word. */
void worker_patience(struct worker *w, int64_t deadline_ms);

/* Lets it finish its job and leave; then it is restarted, unless it was retired before. */
void worker_finish(struct worker *w);
/* Never to be started again. */
void worker_retire(struct worker *w);
/* Ends it now. */
void worker_kill(struct worker *w, const char *why);
/* It has a database connection, as far as it has said. */
bool worker_is_ready(const struct worker *w);
pid_t worker_pid(const struct worker *w); /* 0: none */

/* Shared by worker.c and worker_say.c. */
#define WORKER_LEAVE_MS 2000 /* from end of file to its end */
/* Does what the line says, or kills the worker that may not say it. */
bool worker_take_line(void *worker, char *line);
void worker_end_job(struct worker *w, const struct job_result *result);

#endif
