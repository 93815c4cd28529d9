/*
 * Deadlines of one run: libssh blocks without a bound of its own, so a timer
 * signal watches from outside and shuts the socket down.  Everything that waits
 * on it then fails in the ordinary way, and the error path cleans up.  Where
 * even that does not help, five seconds later the process ends itself.
 *
 * One watch per process.  SIGTERM counts as a deadline that has come.
 */
#ifndef HANDBACK_FETCH_WATCH_H
#define HANDBACK_FETCH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch_limits {
	int64_t stall_ms; /* without a byte or an answer */
	int64_t run_ms;   /* the whole run */
	int64_t
	    rate_per_s; /* fewer bytes than this over a stall time, within one file: too slow; 0: no such rule */
	int64_t connect_ms;    /* until the connection is encrypted */
	int last_word_fd;      /* where the last line goes when the process has to end itself */
	const char *last_word; /* that line */
};

/* Starts the timer.  Limits are kept; call once. */
void watch_start(const struct watch_limits *limits);

/* The socket that is shut down; -1: none (any more). */
void watch_socket(int fd);

/* What is waited for now; starts its window again. */
enum watch_phase { WATCH_CONNECT, WATCH_ANSWERS, WATCH_BYTES };
void watch_phase(enum watch_phase phase);

/* An answer came, with this many bytes of a file (0: none). */
void watch_progress(int64_t bytes);

/* Why the run has to end ("stalled: nothing came for 30 s"), or NULL while it may go on. */
const char *watch_expired(void);

/* What is left of the whole run, in milliseconds, never below 0. */
int64_t watch_left_ms(void);

/* CLOCK_BOOTTIME in milliseconds: our own clock, that nobody sets back. */
int64_t watch_now_ms(void);

#endif
