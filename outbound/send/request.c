/* One request: URL, headers, body, and whatever logs it in. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/secret.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "outbound/send/send.h"
#include "outbound/send/sign.h"

bool
request_add_header(struct request *r, const char *name, const char *begins, const char *value)
{
	char **more = realloc(r->header, (r->header_count + 2) * sizeof(*more)), *line;

	if (more == NULL)
		return false;
	r->header = more;
	if (asprintf(&line, "%s: %s%s", name, begins, value) < 0)
		return false;
	r->header[r->header_count++] = line;
	r->header[r->header_count] = NULL;
	return true;
}

void
request_free(struct request *r)
{
	for (size_t i = 0; i < r->header_count; i++)
		secret_free(r->header[i]);
	free(r->header);
	free(r->url);
	secret_free(r->body);
	*r = (struct request){0};
}

static bool
fail(char *why, size_t why_size, const char *what)
{
	snprintf(why, why_size, "%s", what);
	return false;
}

/* ---- logins ---- */

/* Nothing that could end a header. */
static bool
is_printable(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p < ' ' || *p >= 0x7f)
			return false;
	return text[0] != '\0' && strlen(text) <= 8192;
}

const char *
request_check_logins(const struct send *s, char *buf, size_t size)
{
	const struct connector_login *login;

	for (size_t i = 0; (login = connector_login(s->connector, i)) != NULL; i++) {
		const char *names[] = {login->secret, login->second};

		for (size_t n = 0; n < 2; n++) {
			const char *secret = names[n] != NULL ? send_secret(s, names[n]) : NULL, *wrong = NULL;

			if (names[n] == NULL)
				continue;
			if (secret == NULL)
				wrong = "is missing";
			else if (login->kind == LOGIN_SIGNATURE && !sign_is_secret(secret))
				wrong = "is no whsec_ with 24 to 64 bytes";
			else if (login->kind == LOGIN_MAC && !sign_is_mac_key(secret))
				wrong = "is no base64 (of URLs) of 16 to 64 bytes";
			else if (login->kind != LOGIN_JWT_BEARER && login->kind != LOGIN_SAML_BEARER &&
			         !is_printable(secret))
				wrong = "is not one line of printable ASCII";
			if (wrong == NULL)
				continue;
			snprintf(buf, size, "the credential %s %s", names[n], wrong);
			return buf;
		}
	}
	return NULL;
}

bool
request_add_basic(struct request *r, const char *user, const char *secret)
{
	char *both, *base64;
	bool good;

	if (asprintf(&both, "%s:%s", user, secret) < 0)
		return false;
	base64 = malloc(TEXT_BASE64_SIZE(strlen(both)));
	good = base64 != NULL &&
	       request_add_header(r, "Authorization", "Basic ", text_base64(base64, both, strlen(both)));
	secret_free(both);
	secret_free(base64);
	return good;
}

/* As the first member of the body, which is a map: lint has seen to that. */
static bool
add_to_body(struct request *r, const char *name, const char *secret)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = r->body[0] == '{' ? open_memstream(&text, &size) : NULL;
	bool good;

	if (out == NULL)
		return false;
	fputc('{', out);
	good = json_print_text(out, name) && fputc(':', out) != EOF && json_print_text(out, secret);
	if (r->body[1] != '}')
		fputc(',', out);
	fputs(r->body + 1, out);
	good = fclose(out) == 0 && good;
	if (good) {
		secret_free(r->body);
		r->body = text;
		r->length = size;
	} else {
		secret_free(text);
	}
	return good;
}

/* Standard Webhooks; the id is the body's own. */
static bool
add_signature(const struct send *s, const struct connector_login *login, struct request *r, char *why,
              size_t why_size)
{
	struct json *body = json_parse(r->body);
	const char *id = json_string_of(body, login->id);
	char time[24], *value = NULL;
	int64_t now = send_now_s();
	bool good = id != NULL && is_printable(id) && strchr(id, '.') == NULL && strlen(id) <= 256;

	if (good)
		value = sign_message(send_secret(s, login->secret),
		                     login->second != NULL ? send_secret(s, login->second) : NULL, id, now, r->body,
		                     r->length);
	else
		fail(why, why_size, "the message's id is no text of printable ASCII without dots");
	snprintf(time, sizeof(time), "%" PRId64, now);
	good = value != NULL && request_add_header(r, "webhook-id", "", id) &&
	       request_add_header(r, "webhook-timestamp", "", time) &&
	       request_add_header(r, "webhook-signature", "", value);
	free(value);
	json_free(body);
	return good;
}

/* Over this very request; each has a nonce of its own. */
static bool
add_mac(const struct send *s, const struct connector_login *login, struct request *r)
{
	static const char *const name = "Content-Type: ";
	struct sign_request signed_one = {
	    .method = r->method, .url = r->url, .body = r->body, .length = r->length};
	char *value;
	bool good;

	signed_one.now_s = send_now_s();
	for (size_t i = 0; i < r->header_count; i++)
		if (strncasecmp(r->header[i], name, strlen(name)) == 0)
			signed_one.type = r->header[i] + strlen(name);
	value = sign_mac(login->user, send_secret(s, login->secret), &signed_one);
	good = value != NULL && request_add_header(r, "Authorization", "MAC ", value);
	free(value);
	return good;
}

static void
put_xml(FILE *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (strchr("&<>\"'", *p) != NULL)
			fprintf(out, "&#%d;", *p);
		else
			fputc(*p, out);
}

/* WS-Security, where the body has its place. */
static bool
add_wsse(struct request *r, const char *user, const char *secret)
{
	static const char wss[] = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-";
	char *at = strstr(r->body, CONNECTOR_LOGIN_PLACE), *text = NULL;
	size_t size = 0;
	FILE *out = at != NULL ? open_memstream(&text, &size) : NULL;

	if (out == NULL)
		return false;
	fprintf(
	    out,
	    "%.*s<wsse:Security xmlns:wsse=\"%swssecurity-secext-1.0.xsd\"><wsse:UsernameToken><wsse:Username>",
	    (int) (at - r->body), r->body, wss);
	put_xml(out, user);
	fprintf(out, "</wsse:Username><wsse:Password Type=\"%susername-token-profile-1.0#PasswordText\">", wss);
	put_xml(out, secret);
	fprintf(out, "</wsse:Password></wsse:UsernameToken></wsse:Security>%s",
	        at + strlen(CONNECTOR_LOGIN_PLACE));
	if (fclose(out) != 0) {
		secret_free(text);
		return false;
	}
	secret_free(r->body);
	r->body = text;
	r->length = size;
	return true;
}

static bool
add_login(const struct send *s, const struct connector_login *login, struct request *r, char *why,
          size_t why_size)
{
	const char *secret = send_secret(s, login->secret);

	switch (login->kind) {
	case LOGIN_BASIC:
		return request_add_basic(r, login->user, secret);
	case LOGIN_HEADER:
		return request_add_header(r, login->name, login->begins != NULL ? login->begins : "", secret);
	case LOGIN_BODY:
		return add_to_body(r, login->name, secret);
	case LOGIN_CLIENT_CREDENTIALS:
	case LOGIN_JWT_BEARER:
	case LOGIN_SAML_BEARER:
		return s->token != NULL && request_add_header(r, "Authorization", "Bearer ", s->token);
	case LOGIN_WSSE:
		return r->is_xml ? add_wsse(r, login->user, secret) : true; /* a question of JSON has its own */
	case LOGIN_SIGNATURE:
		return add_signature(s, login, r, why, why_size);
	case LOGIN_MAC:
		return add_mac(s, login, r);
	case LOGIN_KINDS:
		break;
	}
	return false;
}

/* ---- the whole ---- */

static bool
add_headers(const struct send *s, const struct json *object, enum connector_step step, struct request *r,
            char *why, size_t why_size)
{
	const char *name, *template;
	const char *type = r->is_xml             ? "text/xml; charset=UTF-8"
	                   : step == STEP_UPLOAD ? "text/csv"
	                                         : "application/json; charset=UTF-8";
	const char *accepted = r->is_xml ? "text/xml" : step >= STEP_TAKEN ? "text/csv" : "application/json";
	bool has_type = r->body[0] == '\0'; /* a question without a body has none */

	for (size_t i = 0; connector_header(s->connector, i, &name, &template); i++) {
		char *value;
		bool good;

		if (step == STEP_UPLOAD && strcasecmp(name, "Content-Type") == 0)
			continue;
		value = connector_header_value(template, object, why, why_size);
		good = value != NULL && request_add_header(r, name, "", value);
		free(value);
		if (!good)
			return false;
		has_type |= strcasecmp(name, "Content-Type") == 0;
	}
	/* libcurl would wait for a word of the target before the body, or call it a form */
	return (has_type || request_add_header(r, "Content-Type", "", type)) &&
	       request_add_header(r, "Accept", "", accepted) && request_add_header(r, "Expect", "", "");
}

/* Its URL and its body; NULL of either with a sentence in why[]. */
static void
compose_parts(const struct connector *c, const struct request_form *form, const struct json *const *objects,
              size_t count, struct request *ret, char *why, size_t why_size)
{
	if (form->step != STEP_NONE)
		ret->url = connector_step_url(c, form->kind, form->step, form->job, why, why_size);
	else if (form->reads)
		ret->url = connector_read_url(c, form->kind, objects, count, why, why_size);
	else
		ret->url = connector_request_url(c, form->kind, objects[0], why, why_size);
	if (ret->url == NULL)
		return;
	if (form->step != STEP_NONE)
		ret->body = connector_step_body(c, form->kind, form->step, objects, count, why, why_size);
	else if (form->reads)
		ret->body = connector_read_body(c, form->kind, objects, count, why, why_size);
	else
		ret->body = connector_body(c, form->kind, objects, count, why, why_size);
}

static const char *
method_of(const struct connector *c, const struct request_form *form)
{
	if (form->step != STEP_NONE)
		return connector_step_method(c, form->kind, form->step);
	return form->reads ? connector_read_method(c, form->kind) : connector_method(c);
}

/* What is signed is the body as it goes. */
static bool
add_logins(const struct send *s, struct request *r, char *why, size_t why_size)
{
	const struct connector_login *login;

	for (int signs = 0; signs < 2; signs++)
		for (size_t i = 0; (login = connector_login(s->connector, i)) != NULL; i++)
			if ((login->kind == LOGIN_SIGNATURE || login->kind == LOGIN_MAC) == (signs == 1) &&
			    !add_login(s, login, r, why, why_size))
				return false;
	return true;
}

bool
request_compose(const struct send *s, const struct request_form *form, const struct json *const *objects,
                size_t count, struct request *ret, char *why, size_t why_size)
{
	*ret = (struct request){.method = method_of(s->connector, form)};
	fail(why, why_size, "no memory");
	ret->is_xml = form->step == STEP_NONE && !form->reads && connector_is_xml(s->connector, form->kind);
	compose_parts(s->connector, form, objects, count, ret, why, why_size);
	if (ret->body == NULL || !add_headers(s, objects[0], form->step, ret, why, why_size))
		return false;
	/* JSON ends with its line; CSV and XML have many */
	ret->length = form->step == STEP_UPLOAD || ret->is_xml ? strlen(ret->body) : strcspn(ret->body, "\n");
	ret->body[ret->length] = '\0';
	return add_logins(s, ret, why, why_size);
}

bool
request_compose_points(const struct send *s, enum points_step step, const struct json *object,
                       struct request *ret, char *why, size_t why_size)
{
	*ret = (struct request){.method = connector_points_method(s->connector, step)};
	fail(why, why_size, "no memory");
	ret->url = connector_points_url(s->connector, step, object, why, why_size);
	if (ret->url != NULL)
		ret->body = connector_points_body(s->connector, step, object, why, why_size);
	if (ret->body == NULL || !add_headers(s, object, STEP_NONE, ret, why, why_size))
		return false;
	ret->length = strcspn(ret->body, "\n");
	ret->body[ret->length] = '\0';
	return add_logins(s, ret, why, why_size);
}
