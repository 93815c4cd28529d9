/*
 * The local side of a download: .fetch/<hash>.part.  What a cut leaves is kept
 * and hashed, so that the next run goes on where this one ended; bytes that no
 * hash vouches for are never built upon.
 */
#ifndef HANDBACK_FETCH_PARTIAL_H
#define HANDBACK_FETCH_PARTIAL_H

#include "fetch/state.h"

#define PARTIAL_NAME_SIZE 64

struct partial {
	int directory; /* the caller's */
	int fd;
	char name[PARTIAL_NAME_SIZE];
	uint64_t bytes;        /* that are in it */
	uint64_t overlap_from; /* from here to `bytes` it is compared with the partner's once more */
	struct sha256 *hash;
};

/* The name of an entry's partial download: of this name, size and time, so another version never meets it. */
void partial_name(char buf[PARTIAL_NAME_SIZE], const struct state_entry *e);

/* Opens what an earlier run kept, or starts from the beginning.  Functions returning int: 0, or -1 with
 * errno. */
int partial_open(struct partial *ret, int directory, const struct state_entry *e);
int partial_add(struct partial *p, const void *bytes, size_t len);
/* Ends the hash: nothing can be added any more. */
void partial_hash(struct partial *p, uint8_t ret_sha256[SHA256_BYTES]);
/* After a cut: makes what is there durable and notes in the entry how much it is. */
int partial_keep(struct partial *p, struct state_entry *e);
/* Removes the file. */
void partial_drop(struct partial *p);
void partial_close(struct partial *p);

/* Removes all that no entry claims.  Best effort. */
void partial_sweep(int directory, struct state_file *m);

#endif
