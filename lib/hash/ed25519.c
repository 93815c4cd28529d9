#include "lib/hash/ed25519.h"

#include <openssl/evp.h>
#include <stdlib.h>

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static EVP_PKEY *
private_key(const uint8_t seed[ED25519_SEED_BYTES])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_SEED_BYTES);

	must(key != NULL);
	return key;
}

void
ed25519_public(const uint8_t seed[ED25519_SEED_BYTES], uint8_t ret_key[ED25519_KEY_BYTES])
{
	size_t len = ED25519_KEY_BYTES;
	EVP_PKEY *key = private_key(seed);

	must(EVP_PKEY_get_raw_public_key(key, ret_key, &len) == 1 && len == ED25519_KEY_BYTES);
	EVP_PKEY_free(key);
}

void
ed25519_sign(const uint8_t seed[ED25519_SEED_BYTES], const void *text, size_t len,
             uint8_t ret_signature[ED25519_SIGNATURE_BYTES])
{
	size_t size = ED25519_SIGNATURE_BYTES;
	EVP_PKEY *key = private_key(seed);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1);
	must(EVP_DigestSign(ctx, ret_signature, &size, text, len) == 1 && size == ED25519_SIGNATURE_BYTES);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

bool
ed25519_verify(const uint8_t key[ED25519_KEY_BYTES], const void *text, size_t len,
               const uint8_t signature[ED25519_SIGNATURE_BYTES])
{
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, ED25519_KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(public != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public) == 1);
	bool good = EVP_DigestVerify(ctx, signature, ED25519_SIGNATURE_BYTES, text, len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(public);
	return good;
}
