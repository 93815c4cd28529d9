/* target try: the requests that a target would get for a real redemption, whole, and nothing is sent. */
#include <stdlib.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"
#include "ctl/target/connector.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

static const struct column try_columns[] = {
    {"request", "Request", COLUMN_WORD, 0, 0, NULL},      {"kind", "Object", COLUMN_WORD, 0, 0, NULL},
    {"method", "Method", COLUMN_TEXT, 0, 0, NULL},        {"url", "URL", COLUMN_SENTENCE, 30, 0, NULL},
    {"headers", "Headers", COLUMN_SENTENCE, 20, 0, NULL}, {"body", "Body", COLUMN_SENTENCE, 30, 0, NULL},
};

struct trial {
	const struct connector *connector;
	struct table *table;
	char why[LIMIT_MESSAGE_BYTES];
};

/* What a login adds: never a secret, but the name of the credential that has it. */
static void
write_login(FILE *out, const struct connector_login *login)
{
	switch (login->kind) {
	case LOGIN_BASIC:
		fprintf(out, "Authorization: Basic (%s and the credential %s)", login->user, login->secret);
		break;
	case LOGIN_HEADER:
		fprintf(out, "%s: %s(the credential %s)", login->name, login->begins != NULL ? login->begins : "",
		        login->secret);
		break;
	case LOGIN_BODY:
		fprintf(out, "(%s of the body: the credential %s)", login->name, login->secret);
		break;
	case LOGIN_CLIENT_CREDENTIALS:
	case LOGIN_JWT_BEARER:
	case LOGIN_SAML_BEARER:
		fprintf(out, "Authorization: Bearer (a token of %s, by the credential %s)", login->url,
		        login->secret);
		break;
	case LOGIN_WSSE:
		fprintf(out, "(${login} of the body: %s and the credential %s)", login->user, login->secret);
		break;
	case LOGIN_MAC:
		fprintf(out, "Authorization: MAC (of %s, by the credential %s)", login->user, login->secret);
		break;
	case LOGIN_SIGNATURE:
		fprintf(out, "webhook-signature: (by the credential %s)", login->secret);
		break;
	case LOGIN_KINDS:
		break;
	}
}

/* NULL with t->why: a header lacks a value. */
static char *
compose_headers(struct trial *t, const struct json *object, bool csv)
{
	const struct connector_login *login;
	const char *name, *template;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool good = out != NULL;

	for (size_t i = 0; good && connector_header(t->connector, i, &name, &template); i++) {
		char *value = connector_header_value(template, object, t->why, sizeof(t->why));

		good = value != NULL;
		fprintf(out, "%s%s: %s", i > 0 ? "; " : "", name, good ? value : "");
		free(value);
	}
	if (good && csv)
		fprintf(out, "%sContent-Type: text/csv", ftell(out) > 0 ? "; " : "");
	for (size_t i = 0; good && (login = connector_login(t->connector, i)) != NULL; i++) {
		fputs(ftell(out) > 0 ? "; " : "", out);
		write_login(out, login);
	}
	if (out == NULL || fclose(out) != 0)
		good = false;
	if (good)
		return text;
	free(text);
	return NULL;
}

/* url and body are freed; NULL: it cannot be composed. */
static bool
add(struct trial *t, const char *request, enum connector_kind kind, const char *method,
    const struct json *object, char *url, char *body)
{
	char *headers =
	    url != NULL && body != NULL ? compose_headers(t, object, strcmp(request, "upload") == 0) : NULL;
	const char *cells[] = {request, connector_kinds[kind], method, url, headers, body};

	if (headers != NULL) {
		if (strcmp(request, "upload") != 0 && body[0] != '<' && !connector_is_file(t->connector))
			body[strcspn(body, "\n")] = '\0';
		table_row(t->table, cells);
	}
	free(url);
	free(body);
	free(headers);
	return headers != NULL;
}

static bool
add_job(struct trial *t, enum connector_kind kind, const struct json *const *objects)
{
	static const struct {
		enum connector_step step;
		const char *word;
	} steps[] = {{STEP_CREATE, "create"}, {STEP_UPLOAD, "upload"}, {STEP_CLOSE, "close"},
	             {STEP_POLL, "poll"},     {STEP_TAKEN, "taken"},   {STEP_REFUSED, "refused"},
	             {STEP_LEFT, "left"}};
	const struct connector *c = t->connector;
	bool good = true;

	for (size_t i = 0; good && i < sizeof(steps) / sizeof(steps[0]); i++)
		if (connector_has_step(c, kind, steps[i].step))
			good = add(t, steps[i].word, kind, connector_step_method(c, kind, steps[i].step), objects[0],
			           connector_step_url(c, kind, steps[i].step, "JOB", t->why, sizeof(t->why)),
			           connector_step_body(c, kind, steps[i].step, objects, 1, t->why, sizeof(t->why)));
	return good;
}

/* Told, asked for, and by a job where there are many. */
static bool
try_object(struct trial *t, enum connector_kind kind, const struct json *object)
{
	const struct connector *c = t->connector;
	const struct json *const objects[] = {object};
	bool good = add(t, "tell", kind, connector_method(c), object,
	                connector_request_url(c, kind, object, t->why, sizeof(t->why)),
	                connector_body(c, kind, objects, 1, t->why, sizeof(t->why)));

	if (good && connector_reads(c, kind))
		good = add(t, "read", kind, connector_read_method(c, kind), object,
		           connector_read_url(c, kind, objects, 1, t->why, sizeof(t->why)),
		           connector_read_body(c, kind, objects, 1, t->why, sizeof(t->why)));
	if (good && connector_bulk_from(c, kind) > 0)
		good = add_job(t, kind, objects);
	return good;
}

static int
try_rows(struct session *s, const struct connector *c, const struct pg_result *r)
{
	struct document *d = document_new("requests", NULL);
	struct trial t = {.connector = c,
	                  .table = document_add(d, "requests", NULL, TABLE_ROWS, COLUMNS(try_columns))};
	int code = EXIT_CLEAN;

	table_empty(t.table, "the connector does not tell of such objects");
	for (int i = 0; i < pg_rows(r) && code == EXIT_CLEAN; i++) {
		enum connector_kind kind = 0;
		struct json *object = json_parse(pg_text_of(r, i, "object"));

		while (kind + 1 < CONNECTOR_KINDS && strcmp(connector_kinds[kind], pg_text_of(r, i, "kind")) != 0)
			kind++;
		snprintf(t.why, sizeof(t.why), "no memory");
		if (connector_has(c, kind) && (object == NULL || !try_object(&t, kind, object))) {
			complain("a %s would be held: %s", connector_kinds[kind], t.why);
			code = EXIT_FAILED;
		}
		json_free(object);
	}
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}

int
run_target_try(struct session *s)
{
	const char *reference = s->arguments[1];
	struct pg_result *r = NULL;
	struct connector *c;
	int code;

	if (!text_is_uuid(reference)) {
		complain("%s: not an external reference; write its 36 characters", reference);
		return EXIT_USAGE;
	}
	code = session_open(s, SESSION_READS);
	if (code != EXIT_CLEAN)
		return code;
	c = connector_find(s, s->arguments[0]);
	if (c == NULL)
		return EXIT_USAGE;
	if (pg_run(s->query.pg, sql_target_try, 1, &reference, &r) != PG_OK || pg_rows(r) == 0) {
		complain("%s", r == NULL ? pg_why(s->query.pg) : "there is no such redemption");
		code = EXIT_USAGE;
	} else {
		code = try_rows(s, c, r);
	}
	pg_result_free(r);
	connector_free(c);
	return code;
}
