/* What a request is signed with: messages by HMAC (Standard Webhooks), assertions by RS256 (RFC 7523). */
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

struct sign_claims {
	const char *issuer, *subject, *audience;
	int64_t now_s;
};

/* An assertion that holds for three minutes, by a private key in PEM.  NULL with a sentence in why[]; the
 * caller frees it. */
char *sign_assertion(const char *pem, const struct sign_claims *claims, char *why, size_t why_size);

#endif
