/*
 * The one handback-parse that serves the next file: started ahead, so that its
 * libraries are loaded and its profile is compiled before the file is there;
 * given its file and profile as descriptors; killed when its time is over.
 *
 * One at a time in a process: the deadline is this process's alarm.
 */
#ifndef HANDBACK_RECONCILE_FILE_PARSER_CHILD_H
#define HANDBACK_RECONCILE_FILE_PARSER_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/limits.h"

struct parser_child {
	pid_t pid;          /* 0: there is none */
	bool given;         /* its file: it is nobody else's */
	char program[4096]; /* its path */
	int socket;         /* where its job goes */
	int frames;         /* where its frames come from */
	int errors;         /* what it says to a person */
};

enum parser_end {
	PARSER_DONE,      /* it wrote all it had to say */
	PARSER_PROFILE,   /* what it was given is no use (the profile does not compile): what it said is in why */
	PARSER_DIED,      /* over this file: a signal of its own making, out of time, or a broken frame */
	PARSER_EXHAUSTED, /* it took more memory than any file may, by the kernel's count: its own doing, most
	                     likely */
	PARSER_DISTURBED, /* by something outside the file (killed, no memory, no sandbox): try again later */
};

/* Nothing is running yet. */
void parser_child_open(struct parser_child *c);

/*
 * Starts one unless this program is there already, alive and given nothing; another one is ended.  `profile`
 * is the text that its job will probably have, to begin with; -1: nobody knows.  0, or -1 with errno.
 */
int parser_child_start(struct parser_child *c, const char *program, int profile);

/*
 * Gives it its file and starts the clock.  Both descriptors stay the caller's.
 * 0, or -1 with errno.  `name` is the partner's, bytes of at most LIMIT_NAME_BYTES.
 */
int parser_child_give(struct parser_child *c, int file, int64_t file_bytes, int profile, const char *name,
                      bool no_landlock);

/*
 * After the last frame: stops the clock, waits, and says how it ended; there is none afterwards.
 * `broken`: its frames made no sense (why they did not, static text; else NULL), it is killed.
 * why[LIMIT_MESSAGE_BYTES] is for a person.
 */
enum parser_end parser_child_end(struct parser_child *c, const char *broken, char *why);

/* Ends it whatever it does. */
void parser_child_stop(struct parser_child *c);

#endif
