#include "lib/hash/secret_text.h"

#include <string.h>
#include <sys/random.h>

bool
secret_text_make(char ret_secret[TEXT_HEX_SIZE(SECRET_BYTES)], char ret_hash[TEXT_HEX_SIZE(SHA256_BYTES)])
{
	uint8_t bytes[SECRET_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes))
		return false;
	text_hex(ret_secret, bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	secret_text_hash(ret_secret, ret_hash);
	return true;
}

const char *
secret_text_hash(const char *secret, char ret_hash[TEXT_HEX_SIZE(SHA256_BYTES)])
{
	uint8_t hash[SHA256_BYTES];

	sha256_of(secret, strlen(secret), hash);
	return text_hex(ret_hash, hash, sizeof(hash));
}
