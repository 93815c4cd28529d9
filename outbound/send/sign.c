#include "outbound/send/sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

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

/* ---- requests ---- */

#define MAC_LEAST 16
#define MAC_MOST 64
#define NONCE_BYTES 12

static bool
read_mac_key(const char *secret, uint8_t ret[MAC_MOST], size_t *ret_len)
{
	char plain[TEXT_BASE64_SIZE(MAC_MOST) + 4];
	size_t len = strcspn(secret, "=");
	bool good;

	if (len > TEXT_BASE64_SIZE(MAC_MOST) || strspn(secret + len, "=") != strlen(secret + len))
		return false;
	for (size_t i = 0; i < len; i++)
		plain[i] = secret[i] == '-' ? '+' : secret[i] == '_' ? '/' : secret[i];
	while (len % 4 != 0)
		plain[len++] = '=';
	plain[len] = '\0';
	good = text_unbase64(ret, MAC_MOST, plain, len, ret_len) && *ret_len >= MAC_LEAST;
	explicit_bzero(plain, sizeof(plain));
	return good;
}

bool
sign_is_mac_key(const char *secret)
{
	uint8_t key[MAC_MOST];
	size_t len;
	bool good = read_mac_key(secret, key, &len);

	explicit_bzero(key, sizeof(key));
	return good;
}

/* The hash of type and body, as hex; "" without a body. */
static bool
ext_of(const struct sign_request *request, char ret[TEXT_HEX_SIZE(SHA256_BYTES)])
{
	struct sha256 *hash;
	uint8_t bytes[SHA256_BYTES];

	ret[0] = '\0';
	if (request->length == 0 || request->type == NULL)
		return true;
	hash = sha256_new();
	if (hash == NULL)
		return false;
	sha256_add(hash, request->type, strlen(request->type));
	sha256_add(hash, request->body, request->length);
	sha256_end(hash, bytes);
	sha256_free(hash);
	text_hex(ret, bytes, sizeof(bytes));
	return true;
}

/* What the code is made over: a line each. */
static bool
write_mac_text(FILE *out, const struct sign_request *request, const char *nonce, const char *ext)
{
	bool plain = strncmp(request->url, "http:", 5) == 0;
	const char *host = request->url + strlen(plain ? "http://" : "https://"),
	           *path = host + strcspn(host, "/?");
	const char *port = host[0] == '[' ? host + strcspn(host, "]") : host;
	size_t name_len;

	port += strcspn(port, ":/?");
	name_len = (size_t) (port - host);
	fprintf(out, "%" PRId64 "\n%s\n%s\n%s%s\n", request->now_s, nonce, request->method,
	        path[0] == '/' ? "" : "/", path);
	for (size_t i = 0; i < name_len; i++)
		fputc(host[i] >= 'A' && host[i] <= 'Z' ? host[i] - 'A' + 'a' : host[i], out);
	if (port[0] == ':')
		fprintf(out, "\n%.*s\n%s\n", (int) (path - port - 1), port + 1, ext);
	else
		fprintf(out, "\n%s\n%s\n", plain ? "80" : "443", ext);
	return !ferror(out);
}

char *
sign_mac(const char *id, const char *secret, const struct sign_request *request)
{
	char nonce[TEXT_HEX_SIZE(NONCE_BYTES)], ext[TEXT_HEX_SIZE(SHA256_BYTES)], *text = NULL, *value = NULL;
	uint8_t random[NONCE_BYTES], key[MAC_MOST], mac[SHA256_BYTES];
	char base64[TEXT_BASE64_SIZE(SHA256_BYTES)];
	size_t key_len, size = 0;
	FILE *out;
	bool good;

	if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random) || !ext_of(request, ext))
		return NULL;
	text_hex(nonce, random, sizeof(random));
	out = open_memstream(&text, &size);
	good = out != NULL && write_mac_text(out, request, nonce, ext);
	good = out != NULL && fclose(out) == 0 && good && read_mac_key(secret, key, &key_len);
	if (good) {
		hmac_sha256(key, key_len, text, size, mac);
		if (asprintf(&value, "id=\"%s\", ts=\"%" PRId64 "\", nonce=\"%s\", ext=\"%s\", mac=\"%s\"", id,
		             request->now_s, nonce, ext, text_base64(base64, mac, sizeof(mac))) < 0)
			value = NULL;
	}
	explicit_bzero(key, sizeof(key));
	free(text);
	return value;
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
