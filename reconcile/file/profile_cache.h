/*
 * The profile of the file at hand: read again for each file, compiled again only
 * when its bytes changed.
 */
#ifndef HANDBACK_RECONCILE_FILE_PROFILE_CACHE_H
#define HANDBACK_RECONCILE_FILE_PROFILE_CACHE_H

#include <stdbool.h>

#include "lib/hash/sha256.h"
#include "lib/profile/profile.h"

struct profile_cache {
	struct profile *profile; /* NULL: none yet */
	uint8_t sha256[SHA256_BYTES];
	bool kept; /* the database has its text (keep_rules); the reconciler's to say */
	int text;  /* a sealed memory file with the profile's bytes: what a parser is given */
};

void profile_cache_open(struct profile_cache *c);
void profile_cache_close(struct profile_cache *c);

/*
 * Has the profile of this name ("airline") from a directory ready in *c.  0; -1 with why[LIMIT_MESSAGE_BYTES]
 * when it cannot be read or does not compile (its first mistake, with its place), and *c as before.
 */
int profile_cache_load(struct profile_cache *c, int directory, const char *name, char *why);

/* The same from bytes; shown is what messages call it. */
int profile_cache_set(struct profile_cache *c, const char *shown, const char *text, size_t len, char *why);

#endif
