#include "lib/hash/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct sha256 {
	EVP_MD_CTX *ctx;
	EVP_MD *md;
};

static void
must(int ok)
{
	if (!ok)
		abort();
}

struct sha256 *
sha256_new(void)
{
	struct sha256 *h = malloc(sizeof(*h));

	must(h != NULL);
	/* fetched once: an implicit fetch for every record costs as much as the hash */
	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	must(h->md != NULL && h->ctx != NULL && EVP_DigestInit_ex2(h->ctx, h->md, NULL));
	return h;
}

void
sha256_free(struct sha256 *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
	free(h);
}

void
sha256_start(struct sha256 *h)
{
	must(EVP_DigestInit_ex2(h->ctx, NULL, NULL));
}

void
sha256_add(struct sha256 *h, const void *data, size_t len)
{
	must(EVP_DigestUpdate(h->ctx, data, len));
}

void
sha256_end(struct sha256 *h, uint8_t ret_hash[SHA256_BYTES])
{
	must(EVP_DigestFinal_ex(h->ctx, ret_hash, NULL));
}

void
sha256_of(const void *data, size_t len, uint8_t ret_hash[SHA256_BYTES])
{
	struct sha256 *h = sha256_new();

	sha256_add(h, data, len);
	sha256_end(h, ret_hash);
	sha256_free(h);
}
