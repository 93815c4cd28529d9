#include "lib/hash/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

void
hmac_sha256(const void *key, size_t key_len, const void *text, size_t len, uint8_t ret_mac[SHA256_BYTES])
{
	unsigned written = 0;

	if (HMAC(EVP_sha256(), key, (int) key_len, text, len, ret_mac, &written) == NULL ||
	    written != SHA256_BYTES)
		abort();
}

bool
hash_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
