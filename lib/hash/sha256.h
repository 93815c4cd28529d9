/*
 * SHA-256.  This and ed25519.h wrap libcrypto; nothing else of it is used.
 *
 * A machine that cannot hash cannot prove anything: allocation or library
 * failure ends the process (abort), so that no caller can go on without.
 */
#ifndef HANDBACK_HASH_SHA256_H
#define HANDBACK_HASH_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

struct sha256;
struct sha256 *sha256_new(void);     /* ready for sha256_add */
void sha256_free(struct sha256 *h);  /* NULL is fine */
void sha256_start(struct sha256 *h); /* forgets what was added; after sha256_end, before the next text */
void sha256_add(struct sha256 *h, const void *data, size_t len);
void sha256_end(struct sha256 *h, uint8_t ret_hash[SHA256_BYTES]);

/* One text in one call. */
void sha256_of(const void *data, size_t len, uint8_t ret_hash[SHA256_BYTES]);

#endif
