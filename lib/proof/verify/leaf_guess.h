/*
 * What one small change explains: a leaf that no longer has its hash, and the
 * leaf that it was, found by trying.  A changed digit, a letter more or less, a
 * number one off, another of our words: a few ten thousand hashes.
 */
#ifndef HANDBACK_PROOF_VERIFY_LEAF_GUESS_H
#define HANDBACK_PROOF_VERIFY_LEAF_GUESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/text.h"
#include "lib/hash/sha256.h"

#define LEAF_GUESS_SHOWN 96

struct leaf_guess {
	const char *part;                             /* "outcome", "debit" or "reversal" (static text) */
	const char *field;                            /* "points of the debit" (static text) */
	char is[TEXT_ESCAPED_SIZE(LEAF_GUESS_SHOWN)]; /* as it stands now; "empty" for nothing */
	char was[TEXT_ESCAPED_SIZE(LEAF_GUESS_SHOWN)];
};

/* text: the leaf as leaf_write made it now.  hash: the one that it should have.  False: no small change leads
 * there. */
bool leaf_guess(const char *text, size_t len, const uint8_t hash[SHA256_BYTES], struct leaf_guess *ret);

#endif
