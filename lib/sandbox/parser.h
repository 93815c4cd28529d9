/*
 * The lock-down of a process that is about to read a partner's bytes: after
 * sandbox_enter it can read one descriptor, write two, compute, and leave.
 *
 * Layers, each for what the others lack: rlimits (memory, CPU time, nothing
 * new), no_new_privs, Landlock that allows nothing (files, TCP, signals and
 * abstract sockets where the kernel can), and a seccomp list of permitted
 * system calls by which any other call kills the process (Landlock alone would
 * let it fork and connect to a UNIX socket).  It fails closed: what cannot be
 * had is an error, unless the operator wrote Landlock off by name.
 */
#ifndef HANDBACK_SANDBOX_PARSER_H
#define HANDBACK_SANDBOX_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/protocol/frame.h"

#define SANDBOX_FILE                                                                                         \
	3 /* the descriptor that stays readable; 0, 1 and 2 stay as they are, all others are closed */

struct sandbox_wish {
	int64_t work_bytes; /* bytes to be read at most (unpacked): sets the CPU limit */
	bool no_landlock;   /* written off: tried all the same, but not missed */
	bool no_sandbox;    /* test builds only: nothing but the closing of descriptors */
};

/* Makes the list of system calls ready, which takes longer than to close the sandbox: once, before
 * sandbox_enter. 0, or -1 with why[]. */
int sandbox_prepare(char *why, size_t why_size);

/*
 * Call once, single-threaded, with everything open that will be needed: iconv
 * tables, time zones, libraries.  file_fd becomes SANDBOX_FILE.  0 and *ret; -1 with why[] when a
 * layer is not available: the process must then exit without touching the file.
 */
int sandbox_enter(int file_fd, const struct sandbox_wish *wish, struct sandbox_report *ret, char *why,
                  size_t why_size);

#endif
