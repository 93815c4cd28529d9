/*
 * What we remember of the names at a partner's, from run to run: a file
 * `state` in spool/incoming/<source>/.fetch.  It saves work and noise, it
 * proves nothing: forgetting it means to bring files again, and they are then
 * known by their content.
 *
 * The file is lines of lib/protocol/message.h, the last line of a name counts; it is
 * rewritten whole at the end of a run and grows by lines in between, so a crash
 * loses at most the last line.
 */
#ifndef HANDBACK_FETCH_STATE_H
#define HANDBACK_FETCH_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hash/sha256.h"

enum entry_state {
	ENTRY_SEEN = 0,     /* in a listing; may still be growing */
	ENTRY_FETCHED = 1,  /* whole in the spool, not known to be archived */
	ENTRY_ARCHIVED = 2, /* archived; what is due afterwards is not done yet */
	ENTRY_LEFT = 3,     /* archived, nothing more to do; still lies at the partner's */
	ENTRY_GONE = 4,     /* forgotten when the file is rewritten */
};

struct state_entry {
	char *name; /* the partner's */
	enum entry_state state;
	uint64_t size;
	int64_t mtime;                        /* seconds, -1: the server states none */
	int64_t first_seen;                   /* µs since 1970 by our clock: with this size and mtime */
	int64_t fetched;                      /* µs since 1970 */
	uint8_t sha256[SHA256_BYTES];         /* of what was fetched */
	uint64_t partial;                     /* bytes of a download that was cut, synced; 0: none */
	uint8_t partial_sha256[SHA256_BYTES]; /* of those bytes */
	int32_t unseen;                       /* complete listings in a row without it */
	int32_t missing; /* runs in a row in which its fetched file was neither here nor reported as archived */
	bool serial;     /* a pipelined download stalled: one request at a time */
	bool storing; /* fetched, unless its partial download is still there: noted before it gets its name in the
	                 spool */
	/* this run's, never written */
	bool listed, due;
};

struct state_file;

/* Reads what is there; a line that is none is forgotten.  NULL with errno. */
struct state_file *state_open(int directory);
void state_free(struct state_file *m); /* NULL is fine; writes nothing */

size_t state_count(const struct state_file *m);
struct state_entry *state_at(struct state_file *m, size_t i); /* stays valid until state_free */
struct state_entry *state_find(struct state_file *m, const char *name);
/* A new one, ENTRY_SEEN; the name must not be there yet.  NULL: no memory. */
struct state_entry *state_add(struct state_file *m, const char *name);

/* Appends a line, durably.  0, or -1 with errno. */
int state_note(struct state_file *m, const struct state_entry *e);
/* Rewrites the file durably, without what is ENTRY_GONE.  0, or -1 with errno. */
int state_save(struct state_file *m);

#endif
