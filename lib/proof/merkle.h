/*
 * The Merkle tree of RFC 6962 section 2.1 over SHA-256, built leaf by leaf in
 * O(log n) memory: a leaf is SHA-256(0x00 || text), a node SHA-256(0x01 ||
 * left || right), and a tree of n leaves splits at the largest power of two
 * below n.
 */
#ifndef HANDBACK_PROOF_MERKLE_H
#define HANDBACK_PROOF_MERKLE_H

#include "lib/hash/sha256.h"

struct merkle {
	struct sha256 *hash;
	uint64_t size; /* leaves so far */
	uint8_t complete[64]
	                [SHA256_BYTES]; /* root of the complete subtree of 2^i leaves, for each bit i of size */
};

void merkle_open(struct merkle *m);
void merkle_close(struct merkle *m); /* after merkle_open, once */
void merkle_clear(struct merkle *m); /* back to no leaves */

/* The hash of one leaf's text; it is not added. */
void merkle_leaf_hash(struct merkle *m, const void *text, size_t len, uint8_t ret_hash[SHA256_BYTES]);
/* Adds one leaf by its hash. */
void merkle_add(struct merkle *m, const uint8_t leaf_hash[SHA256_BYTES]);
/* The root of what was added; more may be added after it.  No leaves: the hash of nothing. */
void merkle_root(const struct merkle *m, uint8_t ret_root[SHA256_BYTES]);

#endif
