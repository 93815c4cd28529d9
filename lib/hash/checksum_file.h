/*
 * The checksum file beside a partner's: NAME.sha256 or the like, one line as
 * sha256sum writes it (with a name behind the digest, or --tag's
 * "SHA256 (NAME) = DIGEST", as openssl does too), or the digest alone.  What
 * it says of names is not looked at: it is a sidecar file by its own name.
 */
#ifndef HANDBACK_HASH_CHECKSUM_FILE_H
#define HANDBACK_HASH_CHECKSUM_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/hash/sha256.h"

#define CHECKSUM_FILE_BYTES 4096 /* more than that is none */

/* The SHA-256 that the text states; false, with ret_sha256 untouched, when it states none or more than one.
 */
bool checksum_file_read(const char *text, size_t len, uint8_t ret_sha256[SHA256_BYTES]);

#endif
