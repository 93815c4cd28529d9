/* A SAML 2.0 assertion for RFC 7522, written in the form that exclusive canonicalization gives it: so what is
 * digested and signed is what is written, and no XML is read here. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/secret.h"
#include "lib/base/text.h"
#include "lib/hash/rs256.h"
#include "lib/hash/sha256.h"
#include "outbound/send/sign.h"

#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define C14N "http://www.w3.org/2001/10/xml-exc-c14n#"
#define VALID_S 300
#define EARLY_S 120 /* clocks differ */

/* Text of an element or an attribute: what canonical XML writes otherwise does not come in, since constants
 * of a connector are of one line. */
static void
put(FILE *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p == '&')
			fputs("&amp;", out);
		else if (*p == '<')
			fputs("&lt;", out);
		else if (*p == '>')
			fputs("&gt;", out);
		else if (*p == '"')
			fputs("&quot;", out);
		else
			fputc(*p, out);
}

static bool
is_plain(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		/* > and " are written otherwise in attributes than in elements */
		if (*p < ' ' || *p >= 0x7f || *p == '"' || *p == '>')
			return false;
	return text[0] != '\0';
}

static const char *
time_text(int64_t at_s, char ret[32])
{
	const time_t at = (time_t) at_s;
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return ret;
}

/* Unique, as an NCName. */
static void
make_id(const struct sign_claims *claims, char ret[40])
{
	static unsigned count;
	struct timespec now;
	uint8_t hash[SHA256_BYTES];
	char text[256];

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(text, sizeof(text), "%.100s %.60s %lld %ld %u", claims->issuer, claims->subject,
	         (long long) now.tv_sec, now.tv_nsec, count++);
	sha256_of(text, strlen(text), hash);
	ret[0] = '_';
	for (int i = 0; i < 16; i++)
		snprintf(ret + 1 + 2 * i, 3, "%02x", hash[i]);
}

/* The assertion around its signature ("": without it, as it is digested). */
static char *
write_assertion(const struct sign_claims *claims, const char *id, const char *signature, size_t *ret_len)
{
	char now[32], ends[32], begins[32], *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	if (out == NULL)
		return NULL;
	time_text(claims->now_s, now), time_text(claims->now_s + VALID_S, ends);
	time_text(claims->now_s - EARLY_S, begins);
	fprintf(
	    out,
	    "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"%s\" IssueInstant=\"%s\" "
	    "Version=\"2.0\"><saml:Issuer>",
	    id, now);
	put(out, claims->issuer);
	fprintf(out,
	        "</saml:Issuer>%s<saml:Subject><saml:NameID "
	        "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\">",
	        signature);
	put(out, claims->subject);
	fprintf(out,
	        "</saml:NameID><saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">"
	        "<saml:SubjectConfirmationData NotOnOrAfter=\"%s\" Recipient=\"",
	        ends);
	put(out, claims->recipient);
	fprintf(out,
	        "\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>"
	        "<saml:Conditions NotBefore=\"%s\" NotOnOrAfter=\"%s\"><saml:AudienceRestriction><saml:Audience>",
	        begins, ends);
	put(out, claims->audience);
	fprintf(out,
	        "</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
	        "<saml:AuthnStatement AuthnInstant=\"%s\" "
	        "SessionIndex=\"%s\"><saml:AuthnContext><saml:AuthnContextClassRef>"
	        "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef>"
	        "</saml:AuthnContext></saml:AuthnStatement></saml:Assertion>",
	        now, id);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* The signature over the digest of the assertion; NULL with a sentence in why[]. */
static char *
write_signature(const char *pem, const char *id, const char *assertion, size_t len, char *why,
                size_t why_size)
{
	uint8_t digest[SHA256_BYTES], value[RS256_BYTES];
	char digest64[TEXT_BASE64_SIZE(SHA256_BYTES)], value64[TEXT_BASE64_SIZE(RS256_BYTES)], *info = NULL,
	                                                                                       *text = NULL;
	size_t value_len;

	sha256_of(assertion, len, digest);
	if (asprintf(&info,
	             "<ds:SignedInfo xmlns:ds=\"" DSIG "\"><ds:CanonicalizationMethod Algorithm=\"" C14N "\">"
	             "</ds:CanonicalizationMethod><ds:SignatureMethod "
	             "Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod>"
	             "<ds:Reference URI=\"#%s\"><ds:Transforms><ds:Transform Algorithm=\"" DSIG
	             "enveloped-signature\">"
	             "</ds:Transform><ds:Transform Algorithm=\"" C14N "\"></ds:Transform></ds:Transforms>"
	             "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>"
	             "<ds:DigestValue>%s</ds:DigestValue></ds:Reference></ds:SignedInfo>",
	             id, text_base64(digest64, digest, sizeof(digest))) < 0)
		return NULL;
	if (!rs256_sign(pem, strlen(pem), info, strlen(info), value, &value_len))
		snprintf(why, why_size,
		         "the credential is no RSA key of 2048 bits or more, in PEM and without passphrase");
	else if (asprintf(&text,
	                  "<ds:Signature xmlns:ds=\"" DSIG
	                  "\">%s<ds:SignatureValue>%s</ds:SignatureValue></ds:Signature>",
	                  info, text_base64(value64, value, value_len)) < 0)
		text = NULL;
	free(info);
	return text;
}

char *
sign_saml(const char *pem, const struct sign_claims *claims, char *why, size_t why_size)
{
	char id[40], *bare, *signature, *whole = NULL, *base64 = NULL;
	size_t len = 0, whole_len = 0;

	snprintf(why, why_size, "no memory");
	if (!is_plain(claims->issuer) || !is_plain(claims->subject) || !is_plain(claims->audience) ||
	    !is_plain(claims->recipient)) {
		snprintf(why, why_size,
		         "user, subject and audience of an assertion are of printable ASCII without > and \"");
		return NULL;
	}
	make_id(claims, id);
	bare = write_assertion(claims, id, "", &len);
	signature = bare != NULL ? write_signature(pem, id, bare, len, why, why_size) : NULL;
	if (signature != NULL)
		whole = write_assertion(claims, id, signature, &whole_len);
	if (whole != NULL && (base64 = malloc(TEXT_BASE64_SIZE(whole_len))) != NULL)
		text_base64(base64, whole, whole_len);
	free(bare);
	free(signature);
	secret_free(whole);
	return base64;
}
