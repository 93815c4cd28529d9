/* Checkpoints: Ed25519 by RFC 8032's vectors, keys and signatures as Go's sumdb/note has them, and what is
 * told apart. */
#include "tests/unit/check.h"

#include <string.h>

#include "lib/proof/checkpoint.h"

/* golang.org/x/mod/sumdb/note, example_test.go (BSD-3-Clause) */
#define PRIVATE "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
#define VERIFIER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define NOTE                                                                                                 \
	"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
#define SIGNATURE                                                                                            \
	"x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="

static void
test_ed25519(void **state)
{
	/* RFC 8032, section 7.1, test 1 */
	static const char seed_hex[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
	static const char signed_hex[] = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555f"
	                                 "b8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
	uint8_t seed[32], key[32], signature[64];
	char hex[TEXT_HEX_SIZE(64)];
	size_t len;

	(void) state;
	assert_true(text_unhex(seed, sizeof(seed), seed_hex, &len));
	ed25519_public(seed, key);
	assert_string_equal(text_hex(hex, key, sizeof(key)),
	                    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
	ed25519_sign(seed, "", 0, signature);
	assert_string_equal(text_hex(hex, signature, sizeof(signature)), signed_hex);
	assert_true(ed25519_verify(key, "", 0, signature));
	assert_false(ed25519_verify(key, "x", 1, signature));
	signature[63] ^= 1;
	assert_false(ed25519_verify(key, "", 0, signature));
	memset(key, 0xff, sizeof(key));
	assert_false(ed25519_verify(key, "", 0, signature));
}

static void
test_keys(void **state)
{
	struct checkpoint_key key, verifier;
	uint8_t signature[CHECKPOINT_HASH + ED25519_SIGNATURE_BYTES];
	char text[CHECKPOINT_KEY_SIZE], base64[TEXT_BASE64_SIZE(sizeof(signature))];

	(void) state;
	assert_true(checkpoint_key_private(PRIVATE "\n", &key));
	checkpoint_verifier_text(&key, text);
	assert_string_equal(text, VERIFIER);
	checkpoint_private_text(&key, text);
	assert_string_equal(text, PRIVATE);
	memcpy(signature, key.hash, CHECKPOINT_HASH);
	ed25519_sign(key.seed, NOTE, strlen(NOTE), signature + CHECKPOINT_HASH);
	assert_string_equal(text_base64(base64, signature, sizeof(signature)), SIGNATURE);
	assert_true(checkpoint_key_verifier(VERIFIER, &verifier));
	assert_memory_equal(verifier.key, key.key, sizeof(key.key));
	assert_true(checkpoint_key_verifier(
	    "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", &verifier));

	static const char *const none[] = {"",
	                                   "PeterNeumann",
	                                   "PeterNeumann+c74f20a3",
	                                   "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	                                   "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	                                   "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	                                   "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	                                   "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
	                                   VERIFIER "\nx",
	                                   PRIVATE};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(checkpoint_key_verifier(none[i], &verifier));
	assert_false(checkpoint_key_private(VERIFIER, &key));
	assert_false(checkpoint_key_make("", &key));
	assert_false(checkpoint_key_make("with a blank", &key));
	assert_false(checkpoint_key_make("with+plus", &key));
}

static enum checkpoint_fault
read_one(const struct checkpoint_key *key, const char *text, size_t len)
{
	struct checkpoint c;
	size_t used;

	return checkpoint_read(key, 1, text, len, &c, &used);
}

/* A wrong signature, another key, what was cut off and what is none are told apart, byte by byte. */
static void
test_told_apart(void **state)
{
	const struct checkpoint c = {.heads = 41, .root = {1, 2, 3}};
	struct checkpoint_key key, other;
	struct checkpoint got;
	char text[2 * CHECKPOINT_SIZE], changed[CHECKPOINT_SIZE];
	size_t used, len;

	(void) state;
	assert_true(checkpoint_key_make("example.org/handback", &key));
	assert_true(checkpoint_key_make("example.org/handback", &other));
	checkpoint_sign(&key, &c, text);
	len = strlen(text);
	assert_int_equal(checkpoint_read(&key, 1, text, len, &got, &used), CHECKPOINT_GOOD);
	assert_int_equal(used, len);
	assert_int_equal(got.heads, 41);
	assert_memory_equal(got.root, c.root, sizeof(c.root));
	assert_int_equal(read_one(&other, text, len), CHECKPOINT_KEY);
	for (size_t i = 1; i < len; i++)
		assert_int_equal(read_one(&key, text, i), CHECKPOINT_CUT);
	for (size_t i = 0; i < len - 1; i++) {
		memcpy(changed, text, len);
		changed[i] ^= 1;
		assert_int_not_equal(read_one(&key, changed, len), CHECKPOINT_GOOD);
	}
	memcpy(changed, text, len);
	changed[strlen("example.org/handback\n") + 1] = '2'; /* 42 heads */
	assert_int_equal(read_one(&key, changed, len), CHECKPOINT_SIGNATURE);
	assert_int_equal(read_one(&key, "a\n01\nb\n\nc\n\n", 11), CHECKPOINT_SHAPE);

	/* the next one begins behind it, also where it is not good */
	checkpoint_sign(&key, &c, text + len);
	text[3] ^= 1;
	assert_int_not_equal(checkpoint_read(&key, 1, text, 2 * len, &got, &used), CHECKPOINT_GOOD);
	assert_int_equal(used, len);
	assert_int_equal(read_one(&key, text + used, len), CHECKPOINT_GOOD);

	/* another's signature beside ours says nothing; ours has to be of our own origin */
	text[3] ^= 1;
	const char *lines = strstr(text, "\n\n") + 2;
	int both = snprintf(changed, sizeof(changed), "%.*s\xe2\x80\x94 PeterNeumann %s\n%.*s",
	                    (int) (lines - text), text, SIGNATURE, (int) (text + len - lines), lines);
	assert_int_equal(read_one(&key, changed, (size_t) both), CHECKPOINT_GOOD);
}

static void
test_base64(void **state)
{
	/* RFC 4648, section 10 */
	static const char *const pairs[][2] = {{"", ""},
	                                       {"f", "Zg=="},
	                                       {"fo", "Zm8="},
	                                       {"foo", "Zm9v"},
	                                       {"foob", "Zm9vYg=="},
	                                       {"fooba", "Zm9vYmE="},
	                                       {"foobar", "Zm9vYmFy"}};
	static const char *const none[] = {
	    "Z", "Zg", "Zg=", "Zh==", "Zg==Zg==", "Zm9=", "====", "Z===", "Zm8=\n", "Zm 8", "Zm9vYmFyYmF6"};
	char text[16], base64[TEXT_BASE64_SIZE(16)];
	size_t len;

	(void) state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_string_equal(text_base64(base64, pairs[i][0], strlen(pairs[i][0])), pairs[i][1]);
		assert_true(text_unbase64(text, 6, pairs[i][1], strlen(pairs[i][1]), &len));
		assert_int_equal(len, strlen(pairs[i][0]));
		assert_memory_equal(text, pairs[i][0], len);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(text_unbase64(text, 6, none[i], strlen(none[i]), &len));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ed25519),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_told_apart),
	    cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
