/*
 * A source on a partner's SFTP server: when handback-fetch runs for it, what it
 * reported, and when it runs next.  What it brings appears in the spool's
 * incoming/<source>, which the engine looks at as at any other directory.
 *
 *   RESTING   waits for its time
 *   RUNNING   a fetcher runs
 *   CLOSED    was taken out of the configuration; a fetcher may still be leaving
 *
 * The struct is open for reading (daemon/serve/status.c); only sftp.c and
 * sftp_replies.c write it.
 */
#ifndef HANDBACK_DAEMON_SFTP_SFTP_H
#define HANDBACK_DAEMON_SFTP_SFTP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/supervise/child.h"
#include "daemon/supervise/worker.h"
#include "lib/base/limits.h"
#include "lib/config/config.h"
#include "lib/config/fetch_source.h"
#include "lib/protocol/notification.h"

enum sftp_state { SFTP_RESTING, SFTP_RUNNING, SFTP_CLOSED, SFTP_STATES };
extern const char *const sftp_state_words[SFTP_STATES];

/* What the last run's poll reported. */
enum sftp_poll_result { SFTP_NONE_YET, SFTP_FILES, SFTP_EMPTY, SFTP_FAILED, SFTP_POLL_RESULTS };
extern const char *const sftp_poll_words[SFTP_POLL_RESULTS];

struct sftp;

struct sftp_calls {
	void (*changed)(void *context);
	void (*brought)(void *context, struct sftp *s); /* files lie in incoming/<source> */
	void (*off)(void *context, struct sftp *s);     /* CLOSED, and no process is left: free it */
	void (*notification)(void *context,
	                     const struct notification *notification); /* a person should hear of it */
};

#define SFTP_WORD (FETCH_STAGE_BYTES + 1)
#define SFTP_REPORTED 128 /* complaints that were logged already */

/* Of the run under way, or the last. */
struct sftp_run {
	enum fetch_mode mode;
	int turn; /* enum fetch_turn: what it may say now */
	bool polled, done, failed;
	char stage[SFTP_WORD]; /* where it failed */
	char why[LIMIT_MESSAGE_BYTES];
	int64_t files, bytes, waiting, refused, failures, after_failed; /* failures: of single files */
	bool progress;                                                  /* some bytes came */
	char name[LIMIT_SHOWN_BYTES]; /* the file that is coming, cut; its bytes and size */
	int64_t name_bytes, name_size;
};

struct sftp {
	struct event_base *base;
	const struct sftp_calls *calls;
	void *context;
	const char *program; /* path of handback-fetch, the caller's */
	bool once;           /* one poll, then only what is due afterwards */
	const struct config_source *config;
	char *name;

	enum sftp_state state;
	struct child *child;
	struct event *timer; /* RESTING: the next run; RUNNING: its deadline */
	bool again;          /* asked for while one ran */
	int64_t requests_ms; /* when it is looked for request files, by loop_now_ms */
	bool after_due;      /* archived files wait for what is due afterwards */
	struct sftp_run run;

	enum sftp_poll_result poll;
	int64_t polled_us, success_us, failure_us; /* wall clock; 0: never */
	int64_t next_ms;                           /* of the next poll, by loop_now_ms; 0: none */
	int64_t
	    trying_until_us; /* wall clock: until then a scheduled poll that failed is tried again; 0: none did */
	char error_stage[SFTP_WORD], error[LIMIT_MESSAGE_BYTES]; /* of the last failure, kept until a success */
	unsigned failures;                                       /* runs in a row */
	uint64_t runs, polls_by_result[SFTP_POLL_RESULTS], files, bytes, mismatches;
	char host_key[LIMIT_SHOWN_BYTES];
	uint64_t reported[SFTP_REPORTED]; /* hashes, a ring */
	unsigned next_reported;

	TAILQ_ENTRY(sftp) others;
};

/* NULL: no memory.  Its first run is soon.  config has to live until sftp_configure or sftp_source_close. */
struct sftp *sftp_source_new(struct event_base *base, const struct config_source *config, const char *program,
                             bool once, const struct sftp_calls *calls, void *context);
void sftp_configure(struct sftp *s, const struct config_source *config);
/* No run any more; one under way is asked to leave.  calls->off follows, perhaps at once. */
void sftp_source_close(struct sftp *s);
/* Ends a fetcher that does not leave. */
void sftp_kill(struct sftp *s);
void sftp_source_free(struct sftp *s); /* NULL is fine */

/* A run as soon as may be. */
void sftp_poll(struct sftp *s);
/* A file that it brought is archived: written down for the fetcher, which does what is due afterwards. */
void sftp_archived(struct sftp *s, const char *stored, int64_t seen_us, const struct job_result *result);

/* When it polls next, by the wall clock; 0: no poll is planned. */
int64_t sftp_next_us(const struct sftp *s);
/* Polled once, nothing runs and nothing is due afterwards: for `once`. */
bool sftp_is_quiet(const struct sftp *s);

/* For sftp.c: one line of the fetcher's; false when it may not come now or lacks a field. */
bool sftp_take_line(struct sftp *s, char *line);

#endif
