#include "lib/hash/rs256.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

/* Nobody is asked for a passphrase. */
static int
no_passphrase(char *buf, int size, int writes, void *arg)
{
	(void) buf, (void) size, (void) writes, (void) arg;
	return -1;
}

static EVP_PKEY *
read_key(const char *pem, size_t pem_len)
{
	BIO *bytes = BIO_new_mem_buf(pem, (int) pem_len);
	EVP_PKEY *key = bytes != NULL ? PEM_read_bio_PrivateKey(bytes, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bytes);
	return key;
}

bool
rs256_sign(const char *pem, size_t pem_len, const void *text, size_t len, uint8_t ret[RS256_BYTES],
           size_t *ret_len)
{
	EVP_PKEY *key = read_key(pem, pem_len);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = RS256_BYTES;
	bool good = key != NULL && context != NULL && EVP_PKEY_base_id(key) == EVP_PKEY_RSA &&
	            EVP_PKEY_bits(key) >= 2048 && EVP_PKEY_size(key) <= RS256_BYTES &&
	            EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
	            EVP_DigestSign(context, ret, &size, text, len) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	if (good)
		*ret_len = size;
	return good;
}
