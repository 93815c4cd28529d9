/* The tree against the vectors of Certificate Transparency's own test, and against RFC 6962's recursion. */
#include "tests/unit/check.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/proof/merkle.h"

/* google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc (Apache-2.0): inputs and roots */
static const struct {
	const char *leaf, *root;
} vectors[] = {
    {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {"606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

static void
assert_hash(const uint8_t hash[SHA256_BYTES], const char *expected)
{
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)];

	assert_string_equal(text_hex(hex, hash, SHA256_BYTES), expected);
}

static void
test_sha256(void **state)
{
	uint8_t hash[SHA256_BYTES];
	struct sha256 *h = sha256_new();

	(void) state;
	/* FIPS 180-2, appendix B */
	sha256_of("abc", 3, hash);
	assert_hash(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	for (int i = 0; i < 2; i++) {
		sha256_start(h);
		sha256_add(h, "a", 1);
		sha256_add(h, "bc", 2);
		sha256_end(h, hash);
		assert_hash(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	}
	sha256_free(h);
	sha256_free(NULL);
}

static void
test_vectors(void **state)
{
	uint8_t leaf[32], hash[SHA256_BYTES];
	struct merkle m;
	size_t len;

	(void) state;
	merkle_open(&m);
	merkle_root(&m, hash);
	assert_hash(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (int again = 0; again < 2; again++) {
		merkle_clear(&m);
		for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
			assert_true(text_unhex(leaf, sizeof(leaf), vectors[i].leaf, &len));
			merkle_leaf_hash(&m, leaf, len, hash);
			merkle_add(&m, hash);
			merkle_root(&m, hash);
			assert_hash(hash, vectors[i].root);
		}
	}
	merkle_close(&m);
}

/* MTH of RFC 6962, word for word. */
static void
recursion(const uint8_t (*leaves)[SHA256_BYTES], size_t n, uint8_t ret[SHA256_BYTES])
{
	uint8_t text[1 + 2 * SHA256_BYTES] = {0x01};
	size_t k = 1;

	if (n == 1) {
		memcpy(ret, leaves[0], SHA256_BYTES);
		return;
	}
	while (2 * k < n)
		k *= 2;
	recursion(leaves, k, text + 1);
	recursion(leaves + k, n - k, text + 1 + SHA256_BYTES);
	sha256_of(text, sizeof(text), ret);
}

static void
test_recursion(void **state)
{
	enum { LEAVES = 300 };
	static uint8_t leaves[LEAVES][SHA256_BYTES];
	uint8_t root[SHA256_BYTES], expected[SHA256_BYTES];
	struct merkle m;

	(void) state;
	merkle_open(&m);
	for (size_t n = 1; n <= LEAVES; n++) {
		merkle_leaf_hash(&m, &n, sizeof(n), leaves[n - 1]);
		merkle_add(&m, leaves[n - 1]);
		merkle_root(&m, root);
		recursion((const uint8_t(*)[SHA256_BYTES]) leaves, n, expected);
		assert_memory_equal(root, expected, SHA256_BYTES);
	}
	merkle_close(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sha256),
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_recursion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
