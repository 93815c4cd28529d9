/* Tokens: asked for when one is needed, kept until it ends or is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/secret.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "outbound/send/send.h"
#include "outbound/send/sign.h"

#define TOKEN_BYTES 8192
#define TOKEN_WAIT_MS 30000
#define TOKEN_RETRY_S 30

static void
drop(struct send *s)
{
	secret_free(s->token);
	s->token = NULL;
}

bool
token_is_there(struct send *s)
{
	if (s->token != NULL && s->token_ends_s != 0 && s->token_ends_s <= send_now_s())
		drop(s);
	return s->token != NULL;
}

void
token_forget(struct send *s, const char *token)
{
	if (s->token != NULL && strcmp(s->token, token) == 0)
		drop(s);
}

/* ---- the request ---- */

static void
put_value(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s%s=", ftell(out) > 0 ? "&" : "", key);
	for (const char *p = value; *p != '\0'; p++)
		if ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		    strchr("-._~", *p) != NULL)
			fputc(*p, out);
		else
			fprintf(out, "%%%02X", (unsigned char) *p);
}

static bool
put_assertion(struct send *s, FILE *out, char *why, size_t why_size)
{
	const struct connector_login *login = s->token_login;
	const struct sign_claims claims = {.issuer = login->user,
	                                   .subject = login->subject,
	                                   .audience = login->audience,
	                                   .recipient = login->url,
	                                   .now_s = send_now_s()};
	bool saml = login->kind == LOGIN_SAML_BEARER;
	char *assertion =
	    (saml ? sign_saml : sign_assertion)(send_secret(s, login->secret), &claims, why, why_size);

	if (assertion == NULL)
		return false;
	put_value(out, "grant_type",
	          saml ? "urn:ietf:params:oauth:grant-type:saml2-bearer"
	               : "urn:ietf:params:oauth:grant-type:jwt-bearer");
	if (saml)
		put_value(out, "client_id", login->user);
	put_value(out, "assertion", assertion);
	secret_free(assertion);
	return true;
}

static char *
token_request(struct send *s, char *why, size_t why_size)
{
	const struct connector_login *login = s->token_login;
	const char *name, *value;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool good = out != NULL;

	snprintf(why, why_size, "no memory");
	if (good && login->kind != LOGIN_CLIENT_CREDENTIALS) {
		good = put_assertion(s, out, why, why_size);
	} else if (good) {
		put_value(out, "grant_type", "client_credentials");
		if (!login->basic) {
			put_value(out, "client_id", login->user);
			put_value(out, "client_secret", send_secret(s, login->secret));
		}
	}
	if (good && login->scope != NULL)
		put_value(out, "scope", login->scope);
	for (size_t i = 0; good && connector_login_form(s->connector, login, i, &name, &value); i++)
		put_value(out, name, value);
	good = out != NULL && fclose(out) == 0 && good;
	if (good)
		return text;
	secret_free(text);
	return NULL;
}

/* ---- the answer ---- */

static bool
is_token(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	return text[0] != '\0' && strlen(text) <= TOKEN_BYTES;
}

/* What is wrong with it, by the server's own word. */
static void
refused(struct send *s, const struct http_answer *answer, const struct json *body)
{
	const char *error = json_string_of(body, "error");
	char shown[SEND_CODE_BYTES + 1] = "", why[SEND_WHY_BYTES + 1];
	/* whoever is refused by name stays so until a person has seen to it */
	bool for_good = answer->status >= 400 && answer->status < 500 && answer->status != 408 &&
	                answer->status != 429 && answer->status != 425;
	int64_t wait_s = connector_retry_after(answer->retry_after, send_now_s());

	if (wait_s == 0)
		wait_s = TOKEN_RETRY_S;
	if (error != NULL)
		text_display(shown, sizeof(shown), error, strlen(error));
	if (answer->status == 0)
		snprintf(why, sizeof(why), "login: %.300s", answer->why);
	else if (answer->status == 200)
		snprintf(why, sizeof(why), "login: its answer has no token");
	else
		snprintf(why, sizeof(why), "login: HTTP %d %s", answer->status, shown);
	deliver_waiting(s, for_good ? SEND_STOP : SEND_RETRY, for_good ? 0 : wait_s, why);
}

static void
on_answer(void *arg, const struct http_answer *answer)
{
	struct send *s = arg;
	struct json *body = strlen(answer->body) == answer->length ? json_parse(answer->body) : NULL;
	const char *token = json_string_of(body, "access_token");
	int64_t lives = json_int_of(body, "expires_in");

	s->token_asked = false;
	secret_free(s->token_body);
	s->token_body = NULL;
	drop(s);
	if (answer->status == 200 && token != NULL && is_token(token))
		s->token = strdup(token);
	/* a minute ahead of its end, or half of what is short */
	s->token_ends_s =
	    lives > 0 && lives < INT32_MAX ? send_now_s() + lives - (lives > 120 ? 60 : lives / 2) : 0;
	if (s->token != NULL)
		deliver_waiting(s, SEND_DELIVERED, 0, NULL);
	else
		refused(s, answer, body);
	json_free(body);
}

void
token_ask(struct send *s)
{
	static const char *const type = "application/x-www-form-urlencoded";
	struct request with = {0};
	struct http_request request = {.method = "POST", .url = s->token_login->url, .timeout_ms = TOKEN_WAIT_MS};
	char why[SEND_WHY_BYTES + 1];
	bool good;

	if (s->token_asked)
		return;
	s->token_body = token_request(s, why, sizeof(why));
	if (s->token_body == NULL) {
		deliver_waiting(s, SEND_STOP, 0, why);
		return;
	}
	good = request_add_header(&with, "Content-Type", "", type) &&
	       request_add_header(&with, "Accept", "", "application/json") &&
	       request_add_header(&with, "Expect", "", "") &&
	       (!s->token_login->basic ||
	        request_add_basic(&with, s->token_login->user, send_secret(s, s->token_login->secret)));
	request.headers = (const char *const *) with.header;
	request.body = s->token_body;
	request.length = strlen(s->token_body);
	s->token_asked = true;
	if (!good || !http_send(s->http, &request, on_answer, s, why, sizeof(why)))
		on_answer(s, &(const struct http_answer){.body = "", .why = good ? why : "no memory"});
	request_free(&with);
}
