/*
 * Sources, workers, and who gets which file when.
 *
 * One partner's files go one at a time, lowest name first: the order of its
 * files means something.  Partners take turns, so that a hundred thousand files
 * of one do not hold up another's.
 *
 * The struct is open for reading; only engine*.c and jobs.c write it.
 */
#ifndef HANDBACK_DAEMON_ENGINE_H
#define HANDBACK_DAEMON_ENGINE_H

#include <event2/event.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/inbox/scan.h"
#include "daemon/inbox/source.h"
#include "daemon/inbox/watch.h"
#include "daemon/sftp/sftp.h"
#include "daemon/supervise/worker.h"
#include "lib/config/config.h"

#define ENGINE_WORKERS 128 /* slots: the most that `workers` allows, twice, for those that still leave */

#define ENGINE_STAGES 8

/* How long files took up to the end of a stage, all together. */
struct engine_stage {
	char name[33];
	int64_t ms;
};

struct engine_calls {
	void (*changed)(void *context); /* something of what status shows; often */
	void (*stopped)(void *context); /* after engine_stop: no child is left */
};

struct engine {
	struct event_base *base;
	struct config *config;
	int config_fd;
	bool once; /* each directory is scanned once, and no file is tried twice */
	bool stopping;
	bool was_ready; /* some worker has been, so the database is there and fits */
	const struct engine_calls *calls;
	void *context;

	char program_path[PATH_MAX];
	struct worker_program program;
	struct worker *workers[ENGINE_WORKERS];
	size_t worker_count;
	int last_number;
	uint64_t retries; /* that workers reported */
	uint64_t starts;  /* of workers that are no longer there; each of the others counts its own */

	struct {
		char server[288]; /* that a worker reached last; empty: none yet */
		int64_t timeline; /* of it; 0: not said */
		int64_t since_us; /* that server, or that there is none */
		int64_t lost_ms;  /* by loop_now_ms, when the last worker lost it; 0: it is there, or never was */
	} database;

	char collector_path[PATH_MAX];
	struct worker_program collector_program;
	struct worker *collector; /* keeps spool/collector.prom for the metrics; NULL: nobody reads them */

	char fetch_path[PATH_MAX]; /* of handback-fetch; empty: it is not there */
	TAILQ_HEAD(, sftp) sftps;  /* those of sources, and those that are leaving */
	struct source **sources;
	size_t source_count;
	size_t next_scan, next_due; /* whose turn it is */
	struct watch *watch;        /* NULL: inotify is not available */
	bool watch_told;            /* it was logged that a watch could not be added */

	/* held files that may go: a worker is asked for the next of them, until there is none */
	struct {
		bool wanted, running;
		bool due; /* until the answer is none: what is only asked now and then disturbs no quiet */
		int64_t wanted_ms, asked_ms; /* by loop_now_ms */
		unsigned failures;           /* in a row */
		int64_t file;                /* the last that a worker took; 0: none */
		int64_t crashed_file; /* over whose release a worker died, until the next one takes it; 0: none */
		int crashed;          /* the signal of its own fault */
	} release;

	struct event *scans, *handout, *patience;
	struct engine_totals totals;
	struct engine_stage stages[ENGINE_STAGES]; /* an empty name ends them */
};

/*
 * Starts scanning and working.  config and config_fd (its bytes, in a memfd) become the engine's.
 * NULL and a message in why[] when it cannot start.
 */
struct engine *engine_new(struct event_base *base, struct config *config, int config_fd, bool once,
                          const struct engine_calls *calls, void *context, char *why, size_t why_size);
void engine_free(struct engine *e); /* ends what still runs; NULL is fine */

/* Another configuration from now on; files and jobs that it does not concern stay.  Takes both, or (false,
 * no memory) neither. */
bool engine_configure(struct engine *e, struct config *config, int config_fd);
/* Scans and polls everywhere, at held files too. */
void engine_scan(struct engine *e);
/* Lets workers finish for so long, then ends them; calls->stopped follows. */
void engine_stop(struct engine *e, int64_t patience_ms);

/* Every source was scanned, and no file is settling, due, running, or held and free to go. */
bool engine_is_quiet(const struct engine *e);
/* Sources whose last scan failed, at their directory or at their server. */
size_t engine_failing(const struct engine *e);
/* Files that could not be handled now and are waiting. */
size_t engine_waiting(const struct engine *e);

/* Shared by engine.c, engine_scan.c and jobs.c. */
extern const struct worker_calls engine_worker_calls;
extern const struct source_calls engine_source_calls;
extern const struct watch_calls engine_watch_calls;
/* database.c: of struct worker_calls */
void engine_on_database(void *engine, const char *server, int64_t timeline);
size_t engine_ready(const struct engine *e); /* workers that have the database */
void engine_hand_out(struct engine *e);
void engine_want_release(struct engine *e);
void engine_release_in_time(struct engine *e); /* the same, when it is long enough ago */
void engine_on_scans(evutil_socket_t fd, short what, void *context); /* e->scans: one batch */
void engine_unwatch(struct engine *e, struct source *s);

#endif
