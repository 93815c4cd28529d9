/* target show: the requests that would tell of a redemption; and connectors as people name them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"
#include "ctl/target/connector.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/yaml/yaml.h"

#define CONNECTOR_BYTES 65536 /* as handback.target has it */

static const struct column request_columns[] = {
    {"kind", "Object", COLUMN_WORD, 0, 0, NULL},
    {"method", "Method", COLUMN_TEXT, 0, 0, NULL},
    {"url", "URL", COLUMN_SENTENCE, 30, 0, NULL},
    {"body", "Body", COLUMN_SENTENCE, 30, 0, NULL},
};

int
connector_read(const char *path, char **ret_text, size_t *ret_len)
{
	if (io_read_file(AT_FDCWD, path, CONNECTOR_BYTES, ret_text, ret_len) == 0)
		return EXIT_CLEAN;
	complain("%s: %s", path, strerrordesc_np(errno));
	return EXIT_USAGE;
}

struct connector *
connector_compile_named(const char *name, const char *text, size_t len)
{
	struct problems *p = problems_new(name);
	struct connector *c = connector_compile(text, len, p);

	for (size_t i = 0; problems_line(p, i) != NULL; i++)
		complain("%s", problems_line(p, i));
	problems_free(p);
	return c;
}

struct connector *
connector_find(struct session *s, const char *said)
{
	struct pg_result *r = NULL;
	struct connector *c = NULL;
	size_t len = strlen(said);

	if (strchr(said, '/') != NULL || (len > 5 && strcmp(said + len - 5, ".yaml") == 0)) {
		char *text = NULL;

		if (connector_read(said, &text, &len) == EXIT_CLEAN)
			c = connector_compile_named(said, text, len);
		free(text);
		return c;
	}
	if (pg_run(s->query.pg, sql_target_connector, 1, &said, &r) != PG_OK) {
		complain("%s", pg_why(s->query.pg));
		return NULL;
	}
	if (pg_rows(r) == 1)
		c = connector_compile_named(said, pg_text_of(r, 0, "connector"),
		                            strlen(pg_text_of(r, 0, "connector")));
	else
		complain("there is no target %s", said);
	pg_result_free(r);
	return c;
}

static int
add_request(struct table *t, const struct connector *c, enum connector_kind kind, const char *object)
{
	struct json *value = json_parse(object);
	const struct json *const objects[] = {value};
	char why[LIMIT_MESSAGE_BYTES];
	char *body = value != NULL ? connector_body(c, kind, objects, 1, why, sizeof(why)) : NULL;
	const char *cells[] = {connector_kinds[kind], connector_method(c), connector_url(c, kind), body};

	if (body != NULL) {
		if (body[0] != '<' && !connector_is_file(c)) /* XML may have lines */
			body[strcspn(body, "\n")] = '\0';
		table_row(t, cells);
	} else {
		complain("%s", value != NULL ? why : "the database wrote what is no JSON");
	}
	free(body);
	json_free(value);
	return body != NULL ? EXIT_CLEAN : EXIT_INTERNAL;
}

int
run_target_show(struct session *s)
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
	if (pg_run(s->query.pg, sql_target_objects, 1, &reference, &r) != PG_OK || pg_rows(r) != 1) {
		complain("%s", r == NULL ? pg_why(s->query.pg) : "there is no such redemption");
		code = EXIT_USAGE;
	} else {
		struct document *d = document_new("requests", NULL);
		struct table *t = document_add(d, "requests", NULL, TABLE_ROWS, COLUMNS(request_columns));

		for (int kind = 0; kind < CONNECTOR_KINDS && code == EXIT_CLEAN; kind++)
			if (connector_has(c, (enum connector_kind) kind) && !pg_null_of(r, 0, connector_kinds[kind]))
				code = add_request(t, c, (enum connector_kind) kind, pg_text_of(r, 0, connector_kinds[kind]));
		if (code == EXIT_CLEAN)
			code = session_show(s, d);
		document_free(d);
	}
	pg_result_free(r);
	connector_free(c);
	return code;
}
