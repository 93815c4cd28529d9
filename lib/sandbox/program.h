/*
 * The sandboxes of handback-fetch, handback-send, handback-gate, handback-web, handback-login,
 * handback-receive, handback-desk and handback-decrypt: what each needs is listed, and the kernel refuses the rest.  All keep
 * the descriptors that they have.  As the parser's (lib/sandbox/parser.h): rlimits, no_new_privs, Landlock, a
 * seccomp list.  Unlike there an unlisted call is refused (EPERM) and does not end the process, since
 * libraries ask for more than they need; what no library of theirs asks for in good faith does end it.
 *
 *   fetch     TCP and UDP out, TCP by Landlock (Linux 6.7 on) to its server's port and the
 *             resolver's; its directory of the spool; no other file but what name resolution reads;
 *             no local socket, no process, no program
 *   gate, web no file at all, no TCP out (Landlock), local sockets alone; what listens and what was accepted
 *             was there before, or comes by that; no process, no program
 *   send      as fetch, to the ports of its target; no file at all but what name resolution reads
 *   login     accepts as gate, sends as send; without ports no socket of its own at all, and never a local one
 *   receive   no socket of its own; the one directory of its source
 *   desk      no socket of its own, and no connecting one that it has elsewhere; the directories of kept
 *             files, to read; no other file, no process, no program
 *   decrypt   local sockets alone; its keyring's directory; GnuPG, which it runs and which inherits all
 *             this; no other file but what programs of the system read
 *
 * They fail closed: false with why[], and the process must not go on then.
 */
#ifndef HANDBACK_SANDBOX_PROGRAM_H
#define HANDBACK_SANDBOX_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sandbox_fetch {
	int directory;      /* descriptor of what it may change; -1: nothing */
	uint16_t port;      /* of its server */
	int64_t file_bytes; /* that a file may have; no file that it writes gets longer */
	bool no_landlock;   /* written off: tried all the same, but not missed */
};

bool sandbox_fetch(const struct sandbox_fetch *wish, char *why, size_t why_size);

/* ports: those of its target's hosts, and the resolver's. */
bool sandbox_send(const uint16_t *ports, size_t port_count, bool no_landlock, char *why, size_t why_size);

/* With its socket listening. */
bool sandbox_gate(bool no_landlock, char *why, size_t why_size);

/* With its socket listening and its connection of the database open: it asks nobody else. */
bool sandbox_login(bool no_landlock, char *why, size_t why_size);

/* directory: descriptor of what it may change, and no file that it writes gets longer. */
bool sandbox_receive(int directory, int64_t file_bytes, bool no_landlock, char *why, size_t why_size);

#define SANDBOX_DESK_DIRECTORIES 2

/* With its connections open.  directories: descriptors of what it may read; page_bytes: what a page may have.
 */
bool sandbox_desk(const int *directories, size_t count, int64_t page_bytes, bool no_landlock, char *why,
                  size_t why_size);

/* home: the keyring's directory, which it removes at its end; folder: where that lies; content_bytes: what
 * the content may have.  No file that it or GnuPG writes gets longer. */
bool sandbox_decrypt(const char *home, const char *folder, int64_t content_bytes, bool no_landlock, char *why,
                     size_t why_size);

#endif
