/*
 * Signatures by Ed25519 (RFC 8032).  A private key is its 32 byte seed.
 *
 * As with SHA-256: failure of the library ends the process (abort).
 */
#ifndef HANDBACK_HASH_ED25519_H
#define HANDBACK_HASH_ED25519_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ED25519_SEED_BYTES 32
#define ED25519_KEY_BYTES 32
#define ED25519_SIGNATURE_BYTES 64

void ed25519_public(const uint8_t seed[ED25519_SEED_BYTES], uint8_t ret_key[ED25519_KEY_BYTES]);
void ed25519_sign(const uint8_t seed[ED25519_SEED_BYTES], const void *text, size_t len,
                  uint8_t ret_signature[ED25519_SIGNATURE_BYTES]);
/* Is it this key's signature of this text?  False, too, for a key that is no point of the curve. */
bool ed25519_verify(const uint8_t key[ED25519_KEY_BYTES], const void *text, size_t len,
                    const uint8_t signature[ED25519_SIGNATURE_BYTES]);

#endif
