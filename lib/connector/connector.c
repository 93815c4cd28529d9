#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/connector/connector_internal.h"

const char *const connector_kinds[CONNECTOR_KINDS + 1] = {"redemption", "balance", NULL};

/* What each kind of object has: the keys of handback.redemption_object and handback.balance_object. */
static const char *const fields[CONNECTOR_KINDS][24] = {
    [CONNECTOR_REDEMPTION] = {"reference",
                              "version",
                              "programme",
                              "member",
                              "partner",
                              "merchant",
                              "type",
                              "points",
                              "amount",
                              "currency",
                              "outbound_reference",
                              "state",
                              "held_for",
                              "reasons",
                              "redeemed_at",
                              "decided_at",
                              "reversed_at",
                              "reversed_by",
                              "reversal_reference",
                              NULL},
    [CONNECTOR_BALANCE] = {"member", "programme", "points", "version", "as_of_entry", "as_of", NULL},
};
static const char *const forms[] = {"", "text", "date", "ms", NULL};
static const char *const methods[] = {"POST", "PUT", "PATCH", NULL};

static int
place_of_word(const char *const *words, const char *word)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

int
connector_next_place(const char *text, size_t *at, struct connector_place *ret)
{
	const char *begin = strstr(text + *at, "${"), *end = begin != NULL ? strchr(begin, '}') : NULL;
	size_t inside;
	char *bar;
	int form;

	if (begin == NULL)
		return 0;
	inside = end != NULL ? (size_t) (end - begin) - 2 : 0;
	if (inside == 0 || inside >= sizeof(ret->name))
		return -1;
	memcpy(ret->name, begin + 2, inside);
	ret->name[inside] = '\0';
	bar = strchr(ret->name, '|');
	form = bar == NULL ? FORM_OWN : place_of_word(forms, bar + 1);
	if (bar != NULL && form <= FORM_OWN)
		return -1;
	if (bar != NULL)
		*bar = '\0';
	ret->form = (enum connector_form) form;
	ret->begin = (size_t) (begin - text);
	ret->length = inside + 3;
	*at = ret->begin + ret->length;
	return 1;
}

/* ---- templates ---- */

static bool
is_time(const char *name)
{
	size_t len = strlen(name);

	return strcmp(name, "as_of") == 0 || (len > 3 && strcmp(name + len - 3, "_at") == 0);
}

/* Counts `${records}` and `${record}` of a body, where they have to stand alone. */
struct checked {
	struct problems *problems;
	enum connector_kind kind;
	bool body;
	size_t records, record;
};

static void
check_text(struct checked *c, const struct yaml_node *n)
{
	struct connector_place place;
	size_t at = 0;
	int got;

	while ((got = connector_next_place(n->text, &at, &place)) > 0) {
		bool all = strcmp(place.name, "records") == 0, one = strcmp(place.name, "record") == 0;

		if (c->body && (all || one)) {
			if (place.length != strlen(n->text) || place.form != FORM_OWN)
				yaml_error(c->problems, n, "${%s} stands alone", place.name);
			c->records += all;
			c->record += one;
		} else if (c->body) {
			yaml_error(c->problems, n,
			           "${%s}: a body has ${records} or ${record}; fields stand in the record", place.name);
		} else if (place_of_word(fields[c->kind], place.name) < 0) {
			yaml_error(c->problems, n, "a %s has no field %s", connector_kinds[c->kind], place.name);
		} else if (place.form >= FORM_DATE && !is_time(place.name)) {
			yaml_error(c->problems, n, "%s is no time: it has no form %s", place.name, forms[place.form]);
		}
	}
	if (got < 0)
		yaml_error(c->problems, n,
		           "what begins with ${ is no field: write ${name} or ${name|text}, |date, |ms");
}

static void
check_template(struct checked *c, const struct yaml_node *n)
{
	if (n->kind == YAML_SCALAR)
		check_text(c, n);
	else
		for (const struct yaml_node *child = n->first; child != NULL; child = child->next)
			check_template(c, child);
}

/* ---- the compiler ---- */

/* https, or http to this machine alone; a host, and nothing that a request line could not have. */
static bool
is_url(const char *url)
{
	static const char *const begins[] = {"https://", "http://127.0.0.1", "http://[::1]", "http://localhost",
	                                     NULL};
	const char *rest = NULL;

	for (int i = 0; begins[i] != NULL && rest == NULL; i++)
		if (strncmp(url, begins[i], strlen(begins[i])) == 0)
			rest = url + strlen(begins[i]);
	if (rest == NULL || strlen(url) > CONNECTOR_URL_BYTES)
		return false;
	/* whoever only looks like this machine is another one */
	if (url[4] == ':' ? strchr(":/", rest[0]) == NULL : strchr("/:?@", rest[0]) != NULL)
		return false;
	for (const char *p = url; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}#", *p) != NULL)
			return false;
	/* no name and password in it: they are no secret there */
	return memchr(rest, '@', strcspn(rest, "/?")) == NULL;
}

static void
compile_object(struct connector *c, enum connector_kind kind, struct yaml_node *n, struct problems *p)
{
	static const char *const known[] = {"url", "record", "body", NULL};
	struct connector_object *o = &c->object[kind];
	struct yaml_node *url = yaml_get(n, "url"), *record = yaml_get(n, "record"), *body = yaml_get(n, "body");
	struct checked checked = {.problems = p, .kind = kind};

	if (url == NULL)
		yaml_error(p, n, "url is missing");
	else if (yaml_text(p, url, &o->url) && !is_url(o->url))
		yaml_error(p, url, "no URL of https, nor of http to this machine");
	if (record == NULL || record->kind != YAML_MAP || record->first == NULL)
		yaml_error(p, record != NULL ? record : n, "record: a map of their fields is required");
	else
		check_template(&checked, o->record = record);
	if (body != NULL) {
		checked.body = true;
		check_template(&checked, o->body = body);
		if (checked.records + checked.record != 1)
			yaml_error(p, body, "a body has ${records} or ${record}, once");
	}
	if (c->batch > 1 && checked.records == 0)
		yaml_error(p, n, "a batch of more than one has a body with ${records}");
	yaml_unknown_keys(p, n, known);
}

static void
compile(struct connector *c, struct problems *p)
{
	static const char *const known[] = {"method", "batch", "objects", NULL};
	struct yaml_node *method = yaml_get(c->tree, "method"), *batch = yaml_get(c->tree, "batch"),
	                 *objects = yaml_get(c->tree, "objects");
	int word = 0;

	if (method != NULL)
		yaml_word(p, method, methods, &word);
	c->method = methods[word];
	if (batch != NULL)
		yaml_int(p, batch, 1, CONNECTOR_BATCH_MOST, &c->batch);
	if (objects == NULL || objects->kind != YAML_MAP || objects->first == NULL) {
		yaml_error(p, objects != NULL ? objects : c->tree,
		           "objects: redemption, balance or both are required");
	} else {
		for (int i = 0; i < CONNECTOR_KINDS; i++) {
			struct yaml_node *n = yaml_get(objects, connector_kinds[i]);

			if (n != NULL && n->kind == YAML_MAP)
				compile_object(c, (enum connector_kind) i, n, p);
			else if (n != NULL)
				yaml_error(p, n, "a map with url and record is required");
		}
		yaml_unknown_keys(p, objects, connector_kinds);
	}
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
	return c->object[kind].url != NULL;
}

const char *
connector_url(const struct connector *c, enum connector_kind kind)
{
	return c->object[kind].url;
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
