#include "lib/proof/merkle.h"

#include <string.h>

static void
node(struct sha256 *hash, const uint8_t left[SHA256_BYTES], const uint8_t right[SHA256_BYTES],
     uint8_t ret_hash[SHA256_BYTES])
{
	uint8_t text[1 + 2 * SHA256_BYTES] = {0x01};

	memcpy(text + 1, left, SHA256_BYTES);
	memcpy(text + 1 + SHA256_BYTES, right, SHA256_BYTES);
	sha256_start(hash);
	sha256_add(hash, text, sizeof(text));
	sha256_end(hash, ret_hash);
}

void
merkle_open(struct merkle *m)
{
	m->hash = sha256_new();
	m->size = 0;
}

void
merkle_close(struct merkle *m)
{
	sha256_free(m->hash);
	m->hash = NULL;
}

void
merkle_clear(struct merkle *m)
{
	m->size = 0;
}

void
merkle_leaf_hash(struct merkle *m, const void *text, size_t len, uint8_t ret_hash[SHA256_BYTES])
{
	static const uint8_t leaf = 0x00;

	sha256_start(m->hash);
	sha256_add(m->hash, &leaf, 1);
	sha256_add(m->hash, text, len);
	sha256_end(m->hash, ret_hash);
}

void
merkle_add(struct merkle *m, const uint8_t leaf_hash[SHA256_BYTES])
{
	uint8_t carry[SHA256_BYTES];
	int level = 0;

	/* as in counting: each trailing one bit of size is a complete subtree that now gets its sibling */
	memcpy(carry, leaf_hash, SHA256_BYTES);
	for (; (m->size >> level) & 1; level++)
		node(m->hash, m->complete[level], carry, carry);
	memcpy(m->complete[level], carry, SHA256_BYTES);
	m->size++;
}

void
merkle_root(const struct merkle *m, uint8_t ret_root[SHA256_BYTES])
{
	uint8_t root[SHA256_BYTES];
	int level = 0;

	if (m->size == 0) {
		sha256_start(m->hash);
		sha256_end(m->hash, ret_root);
		return;
	}
	/* the smaller subtrees stand to the right */
	while (((m->size >> level) & 1) == 0)
		level++;
	memcpy(root, m->complete[level], SHA256_BYTES);
	while (++level < 64)
		if ((m->size >> level) & 1)
			node(m->hash, m->complete[level], root, root);
	memcpy(ret_root, root, SHA256_BYTES);
}
