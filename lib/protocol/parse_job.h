/*
 * How handback-parse gets its one job.
 *
 * The caller starts handback-parse with
 *
 *     0  /dev/null
 *     1  the write end of a pipe: frames (lib/protocol/frame.h)
 *     2  a pipe or the journal, never a regular file: what went wrong, for a person
 *     3  one end of a SOCK_SEQPACKET pair that the caller made itself
 *
 * and may do so early: the parser does what needs no job and waits.  Then
 * exactly one job goes over the socket: struct parse_job, with two descriptors,
 * the file (regular, read-only, our own copy, at offset 0) and the profile's
 * text.  End of file instead of a message: not needed after all, exit 0.
 *
 * Before the job may come struct parse_ahead, once, with the text of the profile
 * that it will probably have: that is compiled by then, while nobody waits.
 *
 * Exit status (lib/base/exit_codes.h): EXIT_CLEAN after END was written, whatever
 * it says; EXIT_USAGE when the profile does not compile (its mistakes are on
 * descriptor 2); EXIT_FAILED when the sandbox or memory is not available;
 * EXIT_INTERNAL for a broken message or pipe.  Killed by SIGSYS: a system call
 * that the sandbox does not know; by SIGXCPU or SIGKILL: its CPU time was over.
 */
#ifndef HANDBACK_PROTOCOL_PARSE_JOB_H
#define HANDBACK_PROTOCOL_PARSE_JOB_H

#include <stdint.h>

#include "lib/base/limits.h"
#include "lib/protocol/contract.h"

#define PARSE_JOB_SOCKET 3
#define PARSE_JOB_MAGIC 0x504A4248   /* "HBJP" */
#define PARSE_AHEAD_MAGIC 0x50414248 /* "HBAP" */
#define PARSE_JOB_VERSION 1

enum parse_job_flag {
	PARSE_JOB_NO_LANDLOCK = 1 << 0, /* the operator wrote it off by name: go on without */
	PARSE_JOB_NO_SANDBOX = 1 << 1,  /* test builds only (for valgrind); elsewhere a broken message */
};

/* Both ends are the same build on the same machine: host byte order, no pointers. */
struct parse_job {
	uint32_t magic;
	uint16_t version;
	uint16_t flags;     /* enum parse_job_flag */
	int64_t file_bytes; /* must be what fstat says */
	uint16_t escape;    /* test builds only: which escape to try inside the sandbox (lib/sandbox/escape.h),
	                       else 0 */
	uint16_t name_len;  /* at most LIMIT_NAME_BYTES */
	char name[LIMIT_NAME_BYTES +
	          1]; /* as in the inbound directory: bytes, for file-name patterns; never a path */
};

struct parse_ahead {
	uint32_t magic;
	uint16_t version;
	uint16_t flags; /* 0 */
};

/* Fills in magic and version and sends: 0, or -1 with errno.  The descriptors stay the caller's. */
int parse_job_send(int socket, const struct parse_job *job, int file_fd, int profile_fd);

int parse_ahead_send(int socket, int profile_fd);

enum parse_message { PARSE_NOTHING, PARSE_JOB, PARSE_AHEAD };
enum parse_turn { PARSE_TURN_NEW, PARSE_TURN_AHEAD, PARSE_TURN_STARTED };

/* Message n is parse_message n + 1; what answers it is frame_contract. */
extern const struct contract parse_contract;

/*
 * Waits for a message: its kind and everything set (descriptors are the caller's now; of PARSE_AHEAD only
 * *ret_profile_fd) and *turn (an enum parse_turn) stepped; PARSE_NOTHING at end of file; -1 with *ret_why
 * (static text).
 */
int parse_job_receive(int socket, int *turn, struct parse_job *ret_job, int *ret_file_fd, int *ret_profile_fd,
                      const char **ret_why);

#endif
