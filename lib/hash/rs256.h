/* RSASSA-PKCS1-v1_5 with SHA-256 (RS256 of RFC 7518), by libcrypto: what some targets take for a login. */
#ifndef HANDBACK_HASH_RS256_H
#define HANDBACK_HASH_RS256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RS256_BYTES 1024 /* of a key of 8192 bits */

/* Signs with a private key in PEM, which has no passphrase.  False, with *ret_len untouched: it is no RSA key
 * of 2048 to 8192 bits. */
bool rs256_sign(const char *pem, size_t pem_len, const void *text, size_t len, uint8_t ret[RS256_BYTES],
                size_t *ret_len);

#endif
