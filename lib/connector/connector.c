#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/connector/connector_internal.h"

static const char *const methods[] = {"POST", "PUT", "PATCH", NULL};

/* ---- the compiler ---- */

static void
compile_object(struct connector *c, enum connector_kind kind, struct yaml_node *n, struct problems *p)
{
	static const char *const known[] = {"url", "record", "body", "read", "parent", "bulk", "xml", NULL};
	struct connector_object *o = &c->object[kind];
	struct yaml_node *url = yaml_get(n, "url"), *record = yaml_get(n, "record"), *body = yaml_get(n, "body"),
	                 *read = yaml_get(n, "read"), *parent = yaml_get(n, "parent"),
	                 *bulk = yaml_get(n, "bulk"), *xml = yaml_get(n, "xml");
	size_t records = 0;

	if (url == NULL)
		yaml_error(p, n, "url is missing");
	else if (yaml_text(p, url, &o->url) && !connector_is_url(o->url, c->batch == 1))
		yaml_error(p, url, "no URL of https, nor of http to this machine");
	else if (o->url != NULL)
		connector_check_template(kind, url, p);
	if (xml != NULL && (record != NULL || body != NULL || c->batch > 1))
		yaml_error(p, xml, "a body of XML tells of one object, and has no record: its fields stand in it");
	else if (xml != NULL && yaml_text(p, xml, &o->xml))
		o->node = xml;
	else if (xml == NULL && (record == NULL || record->kind != YAML_MAP || record->first == NULL))
		yaml_error(p, record != NULL ? record : n, "record: a map of their fields is required");
	else if (xml == NULL)
		connector_check_template(kind, o->record = record, p);
	if (body != NULL)
		records = connector_check_body(kind, o->body = body, p);
	if (c->batch > 1 && records == 0)
		yaml_error(p, n, "a batch of more than one has a body with ${records}");
	if (read != NULL)
		connector_compile_reading(c, kind, read, p);
	if (parent != NULL && yaml_text(p, parent, &o->parent))
		connector_check_template(kind, parent, p);
	if (bulk != NULL)
		connector_compile_bulk(c, kind, bulk, p);
	yaml_unknown_keys(p, n, known);
}

static void
compile_objects(struct connector *c, struct problems *p)
{
	struct yaml_node *objects = yaml_get(c->tree, "objects");

	/* a partner that is only sent points requests is told nothing */
	if (objects == NULL && yaml_get(c->tree, "points") != NULL)
		return;
	if (objects == NULL || objects->kind != YAML_MAP || objects->first == NULL) {
		yaml_error(p, objects != NULL ? objects : c->tree, "objects: redemption, balance or log is required");
		return;
	}
	for (int i = 0; i < CONNECTOR_KINDS; i++) {
		struct yaml_node *n = yaml_get(objects, connector_kinds[i]);

		if (n != NULL && n->kind == YAML_MAP && yaml_get(n, "file") != NULL)
			connector_compile_file(c, (enum connector_kind) i, n, p);
		else if (n != NULL && n->kind == YAML_MAP)
			compile_object(c, (enum connector_kind) i, n, p);
		else if (n != NULL)
			yaml_error(p, n, "a map with url and record is required");
	}
	yaml_unknown_keys(p, objects, connector_kinds);
}

static void
compile(struct connector *c, struct problems *p)
{
	static const char *const known[] = {"method", "batch",   "network", "ca",     "timeout", "objects",
	                                    "login",  "headers", "answer",  "points", "files",   NULL};
	static const char *const networks[] = {"public", "private", NULL};
	struct yaml_node *method = yaml_get(c->tree, "method"), *batch = yaml_get(c->tree, "batch"),
	                 *network = yaml_get(c->tree, "network"), *ca = yaml_get(c->tree, "ca"),
	                 *timeout = yaml_get(c->tree, "timeout");
	int word = 0, place = 0;

	if (method != NULL)
		yaml_word(p, method, methods, &word);
	c->method = methods[word];
	if (batch != NULL)
		yaml_int(p, batch, 1, CONNECTOR_BATCH_MOST, &c->batch);
	if (network != NULL)
		yaml_word(p, network, networks, &place);
	c->is_private = place == 1;
	if (ca != NULL)
		yaml_text(p, ca, &c->ca);
	if (timeout != NULL && yaml_duration_ms(p, timeout, &c->timeout_ms) &&
	    (c->timeout_ms < 1000 || c->timeout_ms > 600000))
		yaml_error(p, timeout, "from 1s to 10m");
	compile_objects(c, p);
	connector_compile_files(c, p);
	connector_compile_headers(c, p);
	connector_compile_logins(c, p);
	connector_check_readings(c, p);
	connector_check_bulks(c, p);
	for (int kind = 0; kind < CONNECTOR_KINDS; kind++)
		connector_check_xml(c, (enum connector_kind) kind, p);
	connector_compile_answer(c, p);
	connector_compile_points(c, p);
	yaml_unknown_keys(p, c->tree, known);
}

struct connector *
connector_compile(const char *text, size_t len, struct problems *p)
{
	struct yaml_node *tree = yaml_parse(text, len, p);
	struct connector *c = tree != NULL ? calloc(1, sizeof(*c)) : NULL;

	if (c == NULL) {
		yaml_tree_free(tree);
		return NULL;
	}
	c->tree = tree;
	c->batch = 1;
	c->timeout_ms = 60000;
	if (tree->kind == YAML_MAP)
		compile(c, p);
	else
		yaml_error(p, tree, "a connector is a map");
	if (problems_errors(p) == 0)
		return c;
	connector_free(c);
	return NULL;
}

void
connector_free(struct connector *c)
{
	if (c == NULL)
		return;
	yaml_tree_free(c->tree);
	free(c);
}

bool
connector_has(const struct connector *c, enum connector_kind kind)
{
	return c->object[kind].url != NULL || c->object[kind].file != NULL;
}

const char *
connector_url(const struct connector *c, enum connector_kind kind)
{
	return c->object[kind].file != NULL ? c->object[kind].file : c->object[kind].url;
}

bool
connector_is_xml(const struct connector *c, enum connector_kind kind)
{
	return c->object[kind].xml != NULL;
}

const char *
connector_method(const struct connector *c)
{
	return c->method;
}

size_t
connector_batch(const struct connector *c)
{
	return (size_t) c->batch;
}
