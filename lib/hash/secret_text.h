/* Secrets that we give out as text, and the hash by which alone they are known from then on. */
#ifndef HANDBACK_HASH_SECRET_TEXT_H
#define HANDBACK_HASH_SECRET_TEXT_H

#include <stdbool.h>

#include "lib/base/text.h"
#include "lib/hash/sha256.h"

#define SECRET_BYTES 32 /* 256 random bits: no slow hash is needed for them */

/* A new one.  False with errno: there are no random numbers. */
bool secret_text_make(char ret_secret[TEXT_HEX_SIZE(SECRET_BYTES)],
                      char ret_hash[TEXT_HEX_SIZE(SHA256_BYTES)]);

/* The hash of one that somebody sent, in hexadecimal; returns ret_hash. */
const char *secret_text_hash(const char *secret, char ret_hash[TEXT_HEX_SIZE(SHA256_BYTES)]);

#endif
