/* Connectors of systems that take nothing but files. */
#include <stdlib.h>
#include <string.h>

#include "lib/connector/connector_internal.h"
#include "lib/json/json.h"

#define BEGINNING_BYTES 64
#define EVERY_MS 60000
#define EVERY_MOST_MS (12 * 3600000)

void
connector_compile_file(struct connector *c, enum connector_kind kind, struct yaml_node *n, struct problems *p)
{
	static const char *const known[] = {"file", "columns", NULL};
	struct connector_object *o = &c->object[kind];
	struct yaml_node *file = yaml_get(n, "file"), *columns = yaml_get(n, "columns");

	if (yaml_text(p, file, &o->file) &&
	    (o->file[0] == '\0' || o->file[0] == '.' || strlen(o->file) > BEGINNING_BYTES ||
	     o->file[strspn(o->file, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] !=
	         '\0'))
		yaml_error(p, file,
		           "what names of files begin with: up to 64 letters, digits, ., _ and -, no . first");
	if (connector_check_columns(kind, n, columns, p))
		o->columns = columns;
	yaml_unknown_keys(p, n, known);
}

static void
compile_how(struct connector *c, struct yaml_node *n, struct problems *p)
{
	static const char *const known[] = {"every", "delimiter", "empty", "plain", NULL};
	struct yaml_node *every = yaml_get(n, "every"), *delimiter = yaml_get(n, "delimiter"),
	                 *empty = yaml_get(n, "empty"), *plain = yaml_get(n, "plain");
	const char *text;

	if (every != NULL && yaml_duration_ms(p, every, &c->files.every_ms) &&
	    (c->files.every_ms < 1000 || c->files.every_ms > EVERY_MOST_MS))
		yaml_error(p, every, "from 1s to 12h");
	if (delimiter != NULL && yaml_text(p, delimiter, &text)) {
		if (strlen(text) != 1 || strchr(",;|\t", text[0]) == NULL)
			yaml_error(p, delimiter, "one of , ; | and \"\\t\"");
		c->files.delimiter = text[0];
	}
	if (empty != NULL)
		yaml_text(p, empty, &c->files.empty);
	if (plain != NULL)
		yaml_bool(p, plain, &c->files.plain);
	yaml_unknown_keys(p, n, known);
}

void
connector_compile_files(struct connector *c, struct problems *p)
{
	static const char *const of_requests[] = {"method", "batch",   "network", "ca",     "timeout",
	                                          "login",  "headers", "answer",  "points", NULL};
	struct yaml_node *n = yaml_get(c->tree, "files");
	size_t files = 0, requests = 0;

	for (int kind = 0; kind < CONNECTOR_KINDS; kind++) {
		files += c->object[kind].file != NULL;
		requests += c->object[kind].url != NULL;
	}
	c->files.every_ms = EVERY_MS;
	c->files.delimiter = ',';
	c->files.empty = "";
	if (n != NULL && (n->kind != YAML_MAP || files == 0))
		yaml_error(p, n, "files: a map, of a connector whose objects have file instead of url");
	else if (n != NULL)
		compile_how(c, n, p);
	if (files == 0)
		return;
	c->method = "FILE";
	if (requests > 0)
		yaml_error(p, yaml_get(c->tree, "objects"), "file and url: files are a target of their own");
	for (size_t i = 0; of_requests[i] != NULL; i++)
		if (yaml_get(c->tree, of_requests[i]) != NULL)
			yaml_error(p, yaml_get(c->tree, of_requests[i]), "%s is of requests: a file has none",
			           of_requests[i]);
	for (int i = 0; i < CONNECTOR_KINDS; i++)
		for (int j = 0; j < i; j++)
			if (c->object[i].file != NULL && c->object[j].file != NULL &&
			    strcmp(c->object[i].file, c->object[j].file) == 0)
				yaml_error(p, c->tree, "two kinds of object have files of one name");
}

bool
connector_is_file(const struct connector *c)
{
	for (int kind = 0; kind < CONNECTOR_KINDS; kind++)
		if (c->object[kind].file != NULL)
			return true;
	return false;
}

int64_t
connector_file_every_s(const struct connector *c)
{
	return c->files.every_ms / 1000;
}

void
connector_file_name(const struct connector *c, enum connector_kind kind, const char *number, char *buf,
                    size_t size)
{
	int zeros = 12 - (int) strlen(number);

	snprintf(buf, size, "%s%.*s%s.csv", c->object[kind].file, zeros > 0 ? zeros : 0, "000000000000", number);
}

char *
connector_file(const struct connector *c, enum connector_kind kind, const struct json *const *objects,
               size_t count, char *why, size_t why_size)
{
	const struct connector_csv csv = {.columns = c->object[kind].columns,
	                                  .empty = c->files.empty,
	                                  .delimiter = c->files.delimiter,
	                                  .for_spreadsheet = !c->files.plain};

	return connector_write_csv(&csv, objects, count, why, why_size);
}
