/* What a request is signed with: messages by HMAC (Standard Webhooks), requests by HMAC (HTTP MAC access
 * authentication, draft-ietf-oauth-v2-http-mac-02), assertions by RS256 (RFC 7523 and 7522). */
#ifndef HANDBACK_OUTBOUND_SEND_SIGN_H
#define HANDBACK_OUTBOUND_SEND_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGN_SECRET_LEAST 24
#define SIGN_SECRET_MOST 64
#define SIGN_VALUE_BYTES 160

/* Is it whsec_ and the base64 of 24 to 64 bytes? */
bool sign_is_secret(const char *secret);

/* The value of webhook-signature: one for each secret (second: NULL where there is one), with a space
 * between. NULL: no memory, or a secret that is none; the caller frees it. */
char *sign_message(const char *secret, const char *second, const char *id, int64_t time_s, const char *body,
                   size_t len);

/* Is it the base64 of URLs, padded or not, of 16 to 64 bytes? */
bool sign_is_mac_key(const char *secret);

struct sign_request {
	const char *method, *url, *type; /* type: its Content-Type; NULL: it has none */
	const char *body;
	size_t length;
	int64_t now_s;
};

/* What stands behind `MAC ` in Authorization: the key's id, time, a new nonce, the SHA-256 of type and body,
 * and the HMAC-SHA256 over them and the request line.  NULL: no memory, or a key that is none; the caller
 * frees it. */
char *sign_mac(const char *id, const char *secret, const struct sign_request *request);

struct sign_claims {
	const char *issuer, *subject, *audience;
	int64_t now_s;
	const char *recipient; /* of SAML alone: where it is shown */
};

/* An assertion that holds for three minutes, by a private key in PEM.  NULL with a sentence in why[]; the
 * caller frees it. */
char *sign_assertion(const char *pem, const struct sign_claims *claims, char *why, size_t why_size);

/* saml.c: the same as a SAML 2.0 assertion in base64, which holds for five minutes. */
char *sign_saml(const char *pem, const struct sign_claims *claims, char *why, size_t why_size);

#endif
