/*
 * Tokens of the redemption API: JSON Web Tokens (RFC 7519) by HMAC-SHA256 and by nothing else.  Whoever
 * issues them is who reads them: a header that is not one of the two that we write is refused before anything
 * in it is looked at, and nothing of a token is looked at before its signature holds.
 */
#ifndef HANDBACK_API_TOKEN_H
#define HANDBACK_API_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/text.h"
#include "lib/hash/sha256.h"
#include "lib/protocol/api_call.h"
#include "lib/protocol/receive_job.h"

#define TOKEN_KEY_LEAST 32 /* bytes of a key */
#define TOKEN_KEY_MOST 256
#define TOKEN_LIFE_S (30 * 60)

/* The key that signs, and the one before it, whose tokens are still good. */
struct token_keys {
	struct token_key {
		uint8_t bytes[TOKEN_KEY_MOST];
		size_t length;   /* 0: none */
		char header[96]; /* of its tokens, encoded */
	} key[2];
};

struct token_claims {
	char client[API_CLIENT_BYTES + 1];
	/* SHA-256, hex, of the member that it is for: a token tells nobody who that is.  "": for all */
	char member[TEXT_HEX_SIZE(SHA256_BYTES)];
	char source[RECEIVE_SOURCE_BYTES + 1]; /* whose files it may send, and nothing else; "": it may not */
	char scopes[32];                       /* what it is for, a word and a blank ...; "": all */
	int64_t programme, generation;
	int64_t calls_per_minute; /* 0: not bounded */
	int64_t issued_s, expires_s;
};

/* False: it is too short or too long to be a key. */
bool token_key_init(struct token_key *ret, const void *bytes, size_t length);

/* False: it does not fit. */
bool token_make(const struct token_keys *keys, const struct token_claims *claims, char *ret, size_t size);

/* From then on it is for this member alone. */
void token_bind(struct token_claims *claims, const char *member);
/* May it ask for this member?  NULL: for nobody that is known. */
bool token_is_for(const struct token_claims *claims, const char *member);

/* What token_read says of a token that was good, and whose *ret is there. */
extern const char token_expired[];

/* NULL and *ret; or why it is refused: a few words that name nothing of it. */
const char *token_read(const struct token_keys *keys, const char *token, int64_t now_s,
                       struct token_claims *ret);

#endif
