/*
 * What we remember of the names at a partner's, from run to run: a file
 * `memory` in spool/incoming/<source>/.fetch.  It saves work and noise, it
 * proves nothing: forgetting it means to bring files again, and they are then
 * known by their content.
 *
 * The file is lines of lib/protocol/message.h, the last line of a name counts; it is
 * rewritten whole at the end of a run and grows by lines in between, so a crash
 * loses at most what the last line said.
 */
#ifndef HANDBACK_FETCH_MEMORY_H
#define HANDBACK_FETCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hash/sha256.h"

enum memory_state {
	MEMORY_SEEN = 0,     /* in a listing; may still be growing */
	MEMORY_FETCHED = 1,  /* whole in the spool, not known to be archived */
	MEMORY_ARCHIVED = 2, /* archived; what is due afterwards is not done yet */
	MEMORY_LEFT = 3,     /* archived, nothing more to do; still lies at the partner's */
	MEMORY_GONE = 4,     /* forgotten when the file is rewritten */
};

struct memory_entry {
	char *name; /* the partner's */
	enum memory_state state;
	uint64_t size;
	int64_t mtime;                     /* seconds, -1: the server tells none */
	int64_t first_seen;                /* µs since 1970 by our clock: with this size and mtime */
	int64_t fetched;                   /* µs since 1970 */
	uint8_t sha256[SHA256_BYTES];      /* of what was fetched */
	uint64_t part;                     /* bytes of a download that was cut, synced; 0: none */
	uint8_t part_sha256[SHA256_BYTES]; /* of those bytes */
	int32_t unseen;                    /* complete listings in a row without it */
	int32_t missing; /* runs in a row in which its fetched file was neither here nor told archived */
	bool serial;     /* a pipelined download stalled: one request at a time */
	bool storing;    /* fetched, unless its part is still there: noted before it gets its name in the spool */
	/* this run's, never written */
	bool listed, due;
};

struct memory;

/* Reads what is there; a line that is none is forgotten.  NULL with errno. */
struct memory *memory_open(int directory);
void memory_free(struct memory *m); /* NULL is fine; writes nothing */

size_t memory_count(const struct memory *m);
struct memory_entry *memory_at(struct memory *m, size_t i); /* stays valid until memory_free */
struct memory_entry *memory_find(struct memory *m, const char *name);
/* A new one, MEMORY_SEEN; the name must not be there yet.  NULL: no memory. */
struct memory_entry *memory_add(struct memory *m, const char *name);

/* Appends a line, durably.  0, or -1 with errno. */
int memory_note(struct memory *m, const struct memory_entry *e);
/* Rewrites the file durably, without what is MEMORY_GONE.  0, or -1 with errno. */
int memory_save(struct memory *m);

#endif
