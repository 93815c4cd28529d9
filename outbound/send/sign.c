#include "outbound/send/sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/hash/hmac.h"
#include "lib/hash/rs256.h"
#include "lib/json/json.h"

#define PREFIX "whsec_"
#define ASSERTION_S 180

static bool
read_secret(const char *secret, uint8_t ret[SIGN_SECRET_MOST], size_t *ret_len)
{
	size_t begin = strlen(PREFIX);

	return strncmp(secret, PREFIX, begin) == 0 &&
	       text_unbase64(ret, SIGN_SECRET_MOST, secret + begin, strlen(secret + begin), ret_len) &&
	       *ret_len >= SIGN_SECRET_LEAST;
}

bool
sign_is_secret(const char *secret)
{
	uint8_t key[SIGN_SECRET_MOST];
	size_t len;
	bool good = read_secret(secret, key, &len);

	explicit_bzero(key, sizeof(key));
	return good;
}

static bool
write_one(FILE *out, const char *secret, const char *text, size_t len)
{
	uint8_t key[SIGN_SECRET_MOST], mac[SHA256_BYTES];
	char base64[TEXT_BASE64_SIZE(SHA256_BYTES)];
	size_t key_len;

	if (!read_secret(secret, key, &key_len))
		return false;
	hmac_sha256(key, key_len, text, len, mac);
	fprintf(out, "v1,%s", text_base64(base64, mac, sizeof(mac)));
	explicit_bzero(key, sizeof(key));
	return true;
}

char *
sign_message(const char *secret, const char *second, const char *id, int64_t time_s, const char *body,
             size_t len)
{
	char *text = NULL, *value = NULL;
	size_t text_len = 0, value_len = 0;
	FILE *signed_text = open_memstream(&text, &text_len), *out = open_memstream(&value, &value_len);
	bool good = signed_text != NULL && out != NULL;

	if (good) {
		fprintf(signed_text, "%s.%" PRId64 ".", id, time_s);
		fwrite(body, 1, len, signed_text);
	}
	good = signed_text != NULL && fclose(signed_text) == 0 && good;
	good = good && write_one(out, secret, text, text_len);
	if (good && second != NULL) {
		fputc(' ', out);
		good = write_one(out, second, text, text_len);
	}
	good = out != NULL && fclose(out) == 0 && good;
	free(text);
	if (good)
		return value;
	free(value);
	return NULL;
}

/* ---- assertions ---- */

/* Base64 for URLs, without padding. */
static bool
write_base64url(FILE *out, const void *bytes, size_t len)
{
	char *base64 = malloc(TEXT_BASE64_SIZE(len));

	if (base64 == NULL)
		return false;
	for (const char *p = text_base64(base64, bytes, len); *p != '\0' && *p != '='; p++)
		fputc(*p == '+' ? '-' : *p == '/' ? '_' : *p, out);
	free(base64);
	return true;
}

static char *
claims_text(const struct sign_claims *claims, size_t *ret_len)
{
	struct json_build b = {0};
	char *text;

	json_open_map(&b, NULL);
	json_text(&b, "iss", claims->issuer);
	json_text(&b, "sub", claims->subject);
	json_text(&b, "aud", claims->audience);
	json_int(&b, "iat", claims->now_s);
	json_int(&b, "exp", claims->now_s + ASSERTION_S);
	json_close(&b);
	text = json_take(&b, ret_len);
	if (text != NULL && *ret_len > 0 && text[*ret_len - 1] == '\n')
		--*ret_len;
	return text;
}

char *
sign_assertion(const char *pem, const struct sign_claims *claims, char *why, size_t why_size)
{
	static const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
	char *text = NULL, *body;
	uint8_t signature[RS256_BYTES];
	size_t size = 0, body_len = 0, signature_len = 0;
	FILE *out = open_memstream(&text, &size);
	bool good;

	body = claims_text(claims, &body_len);
	snprintf(why, why_size, "no memory");
	good = out != NULL && body != NULL && write_base64url(out, header, sizeof(header) - 1) &&
	       fputc('.', out) != EOF && write_base64url(out, body, body_len) && fflush(out) == 0;
	if (good && !rs256_sign(pem, strlen(pem), text, size, signature, &signature_len)) {
		snprintf(why, why_size,
		         "the credential is no RSA key of 2048 bits or more, in PEM and without passphrase");
		good = false;
	}
	good = good && fputc('.', out) != EOF && write_base64url(out, signature, signature_len);
	good = out != NULL && fclose(out) == 0 && good;
	free(body);
	if (good)
		return text;
	free(text);
	return NULL;
}
