#include "lib/proof/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define ALGORITHM 1 /* signed-note's number for Ed25519 */
#define PRIVATE "PRIVATE+KEY+"
#define DASH "\xe2\x80\x94 " /* what a line with a signature begins with */

static bool
is_name(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char) name[i] <= ' ' || name[i] == '+' || name[i] == 0x7f)
			return false;
	return len > 0 && len <= CHECKPOINT_NAME;
}

/* Name and public key are there: the hash over them. */
static void
name_key(struct checkpoint_key *key)
{
	uint8_t text[CHECKPOINT_NAME + 2 + ED25519_KEY_BYTES], hash[SHA256_BYTES];
	size_t len = strlen(key->name);

	memcpy(text, key->name, len);
	text[len++] = '\n';
	text[len++] = ALGORITHM;
	memcpy(text + len, key->key, ED25519_KEY_BYTES);
	sha256_of(text, len + ED25519_KEY_BYTES, hash);
	memcpy(key->hash, hash, CHECKPOINT_HASH);
}

bool
checkpoint_key_make(const char *name, struct checkpoint_key *ret)
{
	struct checkpoint_key key = {.name = ""};

	if (!is_name(name, strlen(name)) ||
	    getrandom(key.seed, sizeof(key.seed), 0) != (ssize_t) sizeof(key.seed))
		return false;
	snprintf(key.name, sizeof(key.name), "%s", name);
	ed25519_public(key.seed, key.key);
	name_key(&key);
	*ret = key;
	return true;
}

/* "name+hash+base64": the 32 bytes behind the algorithm, and the hash as it is said. */
static bool
read_parts(const char *text, struct checkpoint_key *key, uint8_t bytes[32], uint8_t hash[CHECKPOINT_HASH])
{
	uint8_t whole[33];
	char hex[TEXT_HEX_SIZE(CHECKPOINT_HASH)];
	const char *plus = strchr(text, '+'), *second = plus != NULL ? strchr(plus + 1, '+') : NULL;
	size_t len = 0;

	if (second == NULL || !is_name(text, (size_t) (plus - text)) ||
	    second - plus - 1 != (ptrdiff_t) sizeof(hex) - 1)
		return false;
	memcpy(hex, plus + 1, sizeof(hex) - 1);
	hex[sizeof(hex) - 1] = '\0';
	if (!text_unhex(hash, CHECKPOINT_HASH, hex, &len) || len != CHECKPOINT_HASH)
		return false;
	if (!text_unbase64(whole, sizeof(whole), second + 1, strcspn(second + 1, "\n"), &len) ||
	    len != sizeof(whole) || whole[0] != ALGORITHM ||
	    strcmp(second + 1 + strcspn(second + 1, "\n"), "\n") > 0)
		return false;
	memcpy(key->name, text, (size_t) (plus - text));
	memcpy(bytes, whole + 1, 32);
	return true;
}

bool
checkpoint_key_private(const char *text, struct checkpoint_key *ret)
{
	struct checkpoint_key key = {.name = ""};
	uint8_t hash[CHECKPOINT_HASH];

	if (strncmp(text, PRIVATE, strlen(PRIVATE)) != 0 ||
	    !read_parts(text + strlen(PRIVATE), &key, key.seed, hash))
		return false;
	ed25519_public(key.seed, key.key);
	name_key(&key);
	if (memcmp(hash, key.hash, sizeof(hash)) != 0)
		return false;
	*ret = key;
	return true;
}

bool
checkpoint_key_verifier(const char *text, struct checkpoint_key *ret)
{
	struct checkpoint_key key = {.name = ""};
	uint8_t hash[CHECKPOINT_HASH];

	if (!read_parts(text, &key, key.key, hash))
		return false;
	name_key(&key);
	if (memcmp(hash, key.hash, sizeof(hash)) != 0)
		return false;
	*ret = key;
	return true;
}

static void
write_key(const struct checkpoint_key *key, const char *before, const uint8_t bytes[32], char *text)
{
	uint8_t whole[33] = {ALGORITHM};
	char hex[TEXT_HEX_SIZE(CHECKPOINT_HASH)], base64[TEXT_BASE64_SIZE(sizeof(whole))];

	memcpy(whole + 1, bytes, 32);
	snprintf(text, CHECKPOINT_KEY_SIZE, "%s%s+%s+%s", before, key->name,
	         text_hex(hex, key->hash, sizeof(key->hash)), text_base64(base64, whole, sizeof(whole)));
}

void
checkpoint_private_text(const struct checkpoint_key *key, char ret_text[CHECKPOINT_KEY_SIZE])
{
	write_key(key, PRIVATE, key->seed, ret_text);
}

void
checkpoint_verifier_text(const struct checkpoint_key *key, char ret_text[CHECKPOINT_KEY_SIZE])
{
	write_key(key, "", key->key, ret_text);
}

void
checkpoint_sign(const struct checkpoint_key *key, const struct checkpoint *checkpoint,
                char ret_text[CHECKPOINT_SIZE])
{
	uint8_t signature[CHECKPOINT_HASH + ED25519_SIGNATURE_BYTES];
	char base64[TEXT_BASE64_SIZE(sizeof(signature))];
	int len = snprintf(ret_text, CHECKPOINT_SIZE, "%s\n%" PRId64 "\n%s\n", key->name, checkpoint->heads,
	                   text_base64(base64, checkpoint->root, sizeof(checkpoint->root)));

	memcpy(signature, key->hash, CHECKPOINT_HASH);
	ed25519_sign(key->seed, ret_text, (size_t) len, signature + CHECKPOINT_HASH);
	snprintf(ret_text + len, CHECKPOINT_SIZE - (size_t) len, "\n" DASH "%s %s\n\n", key->name,
	         text_base64(base64, signature, sizeof(signature)));
}

/* Three lines of a text: origin, heads, root. */
static bool
read_text(const char *text, size_t len, char name[CHECKPOINT_NAME + 1], struct checkpoint *ret)
{
	const char *first = memchr(text, '\n', len), *end = text + len;
	const char *second = first != NULL ? memchr(first + 1, '\n', (size_t) (end - first - 1)) : NULL;
	const char *third = second != NULL ? memchr(second + 1, '\n', (size_t) (end - second - 1)) : NULL;
	char number[24];
	size_t root_len = 0;

	if (third == NULL || third + 1 != end || !is_name(text, (size_t) (first - text)) ||
	    second - first - 1 >= (ptrdiff_t) sizeof(number) || first[1] == '0')
		return false;
	memcpy(name, text, (size_t) (first - text));
	name[first - text] = '\0';
	memcpy(number, first + 1, (size_t) (second - first - 1));
	number[second - first - 1] = '\0';
	return text_int(number, 1, INT64_MAX, &ret->heads) &&
	       text_unbase64(ret->root, sizeof(ret->root), second + 1, (size_t) (third - second - 1),
	                     &root_len) &&
	       root_len == sizeof(ret->root);
}

/* The key whose signature the line is, or NULL; the signature. */
static const struct checkpoint_key *
find_key(const struct checkpoint_key *keys, size_t count, const char *line, size_t len,
         uint8_t signature[CHECKPOINT_HASH + ED25519_SIGNATURE_BYTES])
{
	const char *name = line + strlen(DASH);
	size_t size = CHECKPOINT_HASH + ED25519_SIGNATURE_BYTES, got = 0;

	if (len <= strlen(DASH) || memcmp(line, DASH, strlen(DASH)) != 0)
		return NULL;
	const char *blank = memchr(name, ' ', len - strlen(DASH));
	if (blank == NULL ||
	    !text_unbase64(signature, size, blank + 1, (size_t) (line + len - blank - 1), &got) || got != size)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (strlen(keys[i].name) == (size_t) (blank - name) &&
		    memcmp(keys[i].name, name, (size_t) (blank - name)) == 0 &&
		    memcmp(keys[i].hash, signature, CHECKPOINT_HASH) == 0)
			return &keys[i];
	return NULL;
}

/* Any of the lines is enough; those of keys that we do not know say nothing. */
static enum checkpoint_fault
check_signatures(const struct checkpoint_key *keys, size_t count, const char *text, size_t len,
                 const char *lines, size_t lines_len, const char *origin)
{
	enum checkpoint_fault fault = CHECKPOINT_KEY;
	uint8_t signature[CHECKPOINT_HASH + ED25519_SIGNATURE_BYTES];

	for (size_t at = 0; at < lines_len;) {
		const char *end = memchr(lines + at, '\n', lines_len - at);
		size_t line_len = end != NULL ? (size_t) (end - lines) - at : lines_len - at;
		const struct checkpoint_key *key = find_key(keys, count, lines + at, line_len, signature);
		/* a key signs checkpoints of its own name only */
		if (key != NULL && strcmp(key->name, origin) == 0) {
			if (ed25519_verify(key->key, text, len, signature + CHECKPOINT_HASH))
				return CHECKPOINT_GOOD;
			fault = CHECKPOINT_SIGNATURE;
		}
		at += line_len + 1;
	}
	return fault;
}

enum checkpoint_fault
checkpoint_read(const struct checkpoint_key *keys, size_t count, const char *text, size_t len,
                struct checkpoint *ret, size_t *ret_used)
{
	char origin[CHECKPOINT_NAME + 1];
	struct checkpoint checkpoint;
	const char *empty = memmem(text, len, "\n\n", 2);
	const char *lines = empty != NULL ? empty + 2 : NULL;
	const char *end = lines != NULL ? memmem(lines, len - (size_t) (lines - text), "\n\n", 2) : NULL;

	*ret_used = end != NULL ? (size_t) (end + 2 - text) : len;
	if (end == NULL)
		return CHECKPOINT_CUT;
	size_t text_len = (size_t) (empty + 1 - text);
	if (!read_text(text, text_len, origin, &checkpoint))
		return CHECKPOINT_SHAPE;
	enum checkpoint_fault fault =
	    check_signatures(keys, count, text, text_len, lines, (size_t) (end + 1 - lines), origin);
	if (fault == CHECKPOINT_GOOD)
		*ret = checkpoint;
	return fault;
}
