#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/connector/connector_internal.h"

const char *const connector_kinds[CONNECTOR_KINDS + 1] = {"redemption", "balance", "log", NULL};

/* What each kind of object has: the keys of handback.redemption_object, balance_object and log_object. */
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
    [CONNECTOR_LOG] = {"id", "line", "version", "reference", "programme", "member", "partner", "points",
                       "effect", "entry", "entry_reference", "logged_at", "outcome", "reasons", "event",
                       "decided_by", NULL},
};
static const char *const forms[] = {"", "text", "date", "ms", NULL};
static const char *const methods[] = {"POST", "PUT", "PATCH", NULL};

int
connector_word(const char *const *words, const char *word)
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
	form = bar == NULL ? FORM_OWN : connector_word(forms, bar + 1);
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

bool
connector_has_field(enum connector_kind kind, const char *name)
{
	return connector_word(fields[kind], name) >= 0;
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
		} else if (!connector_has_field(c->kind, place.name)) {
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

/* What follows the host's name, where it is one of https or this machine; NULL where it is neither. */
static const char *
behind_scheme(const char *url)
{
	static const char *const begins[] = {"https://", "http://127.0.0.1", "http://[::1]", "http://localhost",
	                                     NULL};
	const char *rest = NULL;

	for (int i = 0; begins[i] != NULL && rest == NULL; i++)
		if (strncmp(url, begins[i], strlen(begins[i])) == 0)
			rest = url + strlen(begins[i]);
	/* whoever only looks like this machine is another one */
	if (rest != NULL && (url[4] == ':' ? strchr(":/", rest[0]) == NULL : strchr("/:?@", rest[0]) != NULL))
		return NULL;
	return rest;
}

/* A part that is . or .. leads to another path; what follows a semicolon is no part of its name. */
static bool
has_dot_part(const char *path)
{
	while (*path == '/') {
		size_t len = strcspn(++path, "/;?");

		if ((len == 1 && path[0] == '.') || (len == 2 && path[0] == '.' && path[1] == '.'))
			return true;
		path += strcspn(path, "/?");
	}
	return false;
}

bool
connector_is_url(const char *url, bool may_have_fields)
{
	const char *rest = behind_scheme(url), *path;
	struct connector_place place;
	size_t at = 0, first = SIZE_MAX;
	int got;

	if (rest == NULL || strlen(url) > CONNECTOR_URL_BYTES)
		return false;
	while ((got = connector_next_place(url, &at, &place)) > 0)
		first = first == SIZE_MAX ? place.begin : first;
	path = rest + strcspn(rest, "/?");
	if (got < 0 || (first != SIZE_MAX && (!may_have_fields || url + first < path)))
		return false;
	for (const char *p = url; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr(first != SIZE_MAX ? "\"<>\\^`#" : "\"<>\\^`{|}#", *p) != NULL)
			return false;
	/* no name and password in it: they are no secret there */
	return !has_dot_part(path) && memchr(rest, '@', (size_t) (path - rest)) == NULL;
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
	else if (yaml_text(p, url, &o->url) && !connector_is_url(o->url, c->batch == 1))
		yaml_error(p, url, "no URL of https, nor of http to this machine");
	else if (o->url != NULL)
		check_template(&checked, url);
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
compile_objects(struct connector *c, struct problems *p)
{
	struct yaml_node *objects = yaml_get(c->tree, "objects");

	if (objects == NULL || objects->kind != YAML_MAP || objects->first == NULL) {
		yaml_error(p, objects != NULL ? objects : c->tree, "objects: redemption, balance or log is required");
		return;
	}
	for (int i = 0; i < CONNECTOR_KINDS; i++) {
		struct yaml_node *n = yaml_get(objects, connector_kinds[i]);

		if (n != NULL && n->kind == YAML_MAP)
			compile_object(c, (enum connector_kind) i, n, p);
		else if (n != NULL)
			yaml_error(p, n, "a map with url and record is required");
	}
	yaml_unknown_keys(p, objects, connector_kinds);
}

static void
compile(struct connector *c, struct problems *p)
{
	static const char *const known[] = {"method",  "batch", "network", "ca",     "timeout",
	                                    "objects", "login", "headers", "answer", NULL};
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
	connector_compile_headers(c, p);
	connector_compile_logins(c, p);
	connector_compile_answer(c, p);
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
