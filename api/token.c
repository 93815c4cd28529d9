#include "api/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/hash/hmac.h"
#include "lib/json/json.h"

#define CLAIMS_BYTES 512
#define MAC_TEXT_SIZE TEXT_BASE64_SIZE(SHA256_BYTES)
#define KID_BYTES 4
#define CLOCK_SLACK_S 60 /* a clock that was set back a little ends nobody's token */

/* ---- base64url without padding (RFC 7515, appendix C) ---- */

static void
to_url(char *text)
{
	for (; *text != '\0' && *text != '='; text++)
		*text = *text == '+' ? '-' : *text == '/' ? '_' : *text;
	*text = '\0';
}

static bool
from_url(void *buf, size_t size, const char *text, size_t len, size_t *ret_len)
{
	char plain[TEXT_BASE64_SIZE(CLAIMS_BYTES)];

	if (len + 4 > sizeof(plain))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '+' || text[i] == '/' || text[i] == '=')
			return false;
		plain[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	}
	while (len % 4 != 0)
		plain[len++] = '=';
	return text_unbase64(buf, size, plain, len, ret_len);
}

/* ---- keys ---- */

bool
token_key_init(struct token_key *ret, const void *bytes, size_t length)
{
	char json[64], kid[TEXT_HEX_SIZE(KID_BYTES)];
	uint8_t hash[SHA256_BYTES];

	if (length < TOKEN_KEY_LEAST || length > TOKEN_KEY_MOST)
		return false;
	memcpy(ret->bytes, bytes, length);
	ret->length = length;
	sha256_of(bytes, length, hash); /* 4 of its bytes tell keys apart, and say nothing of them */
	snprintf(json, sizeof(json), "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
	         text_hex(kid, hash, KID_BYTES));
	text_base64(ret->header, json, strlen(json));
	to_url(ret->header);
	return true;
}

static void
sign(const struct token_key *key, const char *text, size_t len, char ret[MAC_TEXT_SIZE])
{
	uint8_t mac[SHA256_BYTES];

	hmac_sha256(key->bytes, key->length, text, len, mac);
	text_base64(ret, mac, sizeof(mac));
	to_url(ret);
}

/* ---- tokens ---- */

bool
token_make(const struct token_keys *keys, const struct token_claims *claims, char *ret, size_t size)
{
	char json[CLAIMS_BYTES], body[TEXT_BASE64_SIZE(CLAIMS_BYTES)], mac[MAC_TEXT_SIZE];
	bool bound = claims->member[0] != '\0', scoped = claims->scopes[0] != '\0';
	bool sends = claims->source[0] != '\0';
	int len =
	    snprintf(json, sizeof(json),
	             "{\"iss\":\"handback\",\"sub\":\"%s\",\"programme\":%" PRId64 ",\"generation\":%" PRId64
	             ",\"calls\":%" PRId64 ",\"iat\":%" PRId64 ",\"exp\":%" PRId64 "%s%s%s%s%s%s%s%s%s}",
	             claims->client, claims->programme, claims->generation, claims->calls_per_minute,
	             claims->issued_s, claims->expires_s, bound ? ",\"member\":\"" : "", claims->member,
	             bound ? "\"" : "", sends ? ",\"source\":\"" : "", claims->source, sends ? "\"" : "",
	             scoped ? ",\"scopes\":\"" : "", claims->scopes, scoped ? "\"" : "");

	if (len < 0 || (size_t) len >= sizeof(json))
		return false;
	text_base64(body, json, (size_t) len);
	to_url(body);
	len = snprintf(ret, size, "%s.%s", keys->key[0].header, body);
	if (len < 0 || (size_t) len + 1 + MAC_TEXT_SIZE > size)
		return false;
	sign(&keys->key[0], ret, (size_t) len, mac);
	snprintf(ret + len, size - (size_t) len, ".%s", mac);
	return true;
}

void
token_bind(struct token_claims *claims, const char *member)
{
	uint8_t hash[SHA256_BYTES];

	sha256_of(member, strlen(member), hash);
	text_hex(claims->member, hash, sizeof(hash));
}

bool
token_is_for(const struct token_claims *claims, const char *member)
{
	struct token_claims asked;

	if (claims->member[0] == '\0')
		return true;
	if (member == NULL)
		return false;
	token_bind(&asked, member);
	return strcmp(asked.member, claims->member) == 0;
}

/* Which key is it that signed?  NULL: none of ours. */
static const struct token_key *
key_of(const struct token_keys *keys, const char *token, size_t signed_len)
{
	for (size_t i = 0; i < sizeof(keys->key) / sizeof(keys->key[0]); i++) {
		const struct token_key *key = &keys->key[i];
		size_t header = strlen(key->header);

		if (key->length > 0 && header < signed_len && memcmp(token, key->header, header) == 0 &&
		    token[header] == '.')
			return key;
	}
	return NULL;
}

static bool
take_claims(const char *body, size_t len, struct token_claims *ret)
{
	char text[CLAIMS_BYTES + 1];
	struct json *claims = NULL;
	const char *client, *member, *scopes, *source;
	size_t text_len;

	if (!from_url(text, CLAIMS_BYTES, body, len, &text_len))
		return false;
	text[text_len] = '\0';
	claims = json_parse(text);
	client = json_string_of(claims, "sub");
	member = json_get(claims, "member") != NULL ? json_string_of(claims, "member") : "";
	source = json_string_of(claims, "source");
	scopes = json_get(claims, "scopes") != NULL ? json_string_of(claims, "scopes") : "";
	/* one that is bound to what cannot be read would be for all */
	if (client == NULL || strlen(client) > API_CLIENT_BYTES || member == NULL || scopes == NULL ||
	    strlen(scopes) >= sizeof(ret->scopes) ||
	    (member[0] != '\0' && strlen(member) != sizeof(ret->member) - 1) ||
	    (source != NULL && strlen(source) > RECEIVE_SOURCE_BYTES)) {
		json_free(claims);
		return false;
	}
	*ret = (struct token_claims){.programme = json_int_of(claims, "programme"),
	                             .generation = json_int_of(claims, "generation"),
	                             .calls_per_minute = json_int_of(claims, "calls"),
	                             .issued_s = json_int_of(claims, "iat"),
	                             .expires_s = json_int_of(claims, "exp")};
	snprintf(ret->client, sizeof(ret->client), "%s", client);
	snprintf(ret->member, sizeof(ret->member), "%s", member);
	snprintf(ret->source, sizeof(ret->source), "%s", source != NULL ? source : "");
	snprintf(ret->scopes, sizeof(ret->scopes), "%s", scopes);
	json_free(claims);
	return true;
}

const char token_expired[] = "the token has expired";

const char *
token_read(const struct token_keys *keys, const char *token, int64_t now_s, struct token_claims *ret)
{
	const char *end = strrchr(token, '.');
	const struct token_key *key;
	char mac[MAC_TEXT_SIZE];
	size_t header;

	if (token[0] == '\0')
		return "there is no token";
	if (end == NULL || (key = key_of(keys, token, (size_t) (end - token))) == NULL)
		return "the token is none of ours";
	sign(key, token, (size_t) (end - token), mac);
	if (strlen(end + 1) != strlen(mac) || !hash_equal(end + 1, mac, strlen(mac)))
		return "the token's signature does not hold";
	header = strlen(key->header) + 1;
	if (!take_claims(token + header, (size_t) (end - token) - header, ret))
		return "the token's claims cannot be read";
	if (now_s >= ret->expires_s)
		return token_expired;
	if (now_s + CLOCK_SLACK_S < ret->issued_s)
		return "the token is of the future";
	return NULL;
}
