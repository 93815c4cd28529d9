/* HMAC-SHA256 (RFC 2104), by libcrypto.  As sha256.h: a failure of the library ends the process. */
#ifndef HANDBACK_HASH_HMAC_H
#define HANDBACK_HASH_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hash/sha256.h"

void hmac_sha256(const void *key, size_t key_len, const void *text, size_t len,
                 uint8_t ret_mac[SHA256_BYTES]);

/* Are they the same?  Takes as long wherever they differ. */
bool hash_equal(const void *a, const void *b, size_t len);

#endif
