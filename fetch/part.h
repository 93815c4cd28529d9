/*
 * The local side of a download: .fetch/<hash>.part.  What a cut leaves is kept
 * and hashed, so that the next run goes on where this one ended; bytes that no
 * hash vouches for are never built upon.
 */
#ifndef HANDBACK_FETCH_PART_H
#define HANDBACK_FETCH_PART_H

#include "fetch/memory.h"

#define PART_NAME_SIZE 64

struct part {
	int directory; /* the caller's */
	int fd;
	char name[PART_NAME_SIZE];
	uint64_t bytes;        /* that are in it */
	uint64_t overlap_from; /* from here to `bytes` it is compared with the partner's once more */
	struct sha256 *hash;
};

/* The name of an entry's part: of this name, size and time, so another version never meets it. */
void part_name(char buf[PART_NAME_SIZE], const struct memory_entry *e);

/* Opens what an earlier run kept, or begins anew.  Functions returning int: 0, or -1 with errno. */
int part_open(struct part *ret, int directory, const struct memory_entry *e);
int part_add(struct part *p, const void *bytes, size_t len);
/* Ends the hash: nothing can be added any more. */
void part_hash(struct part *p, uint8_t ret_sha256[SHA256_BYTES]);
/* After a cut: makes what is there durable and tells the entry how much it is. */
int part_keep(struct part *p, struct memory_entry *e);
/* Removes the file. */
void part_drop(struct part *p);
void part_close(struct part *p);

/* Removes all parts that no entry claims.  Best effort. */
void part_sweep(int directory, struct memory *m);

#endif
