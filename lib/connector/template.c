/* What stands in a connector for fields of ours: kinds of objects and their fields, places in texts, URLs. */
#include <stdio.h>
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
static const char *const forms[] = {"", "text", "last", "date", "ms", NULL};

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

static void
check_count(const struct checked *c, const struct yaml_node *body)
{
	if (c->records + c->record != 1)
		yaml_error(c->problems, body, "a body has ${records} or ${record}, once");
}

size_t
connector_check_body(enum connector_kind kind, const struct yaml_node *body, struct problems *p)
{
	struct checked checked = {.problems = p, .kind = kind, .body = true};

	check_template(&checked, body);
	check_count(&checked, body);
	return checked.records;
}

void
connector_check_template(enum connector_kind kind, const struct yaml_node *n, struct problems *p)
{
	check_template(&(struct checked){.problems = p, .kind = kind}, n);
}

/* ---- URLs ---- */

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

static bool
is_url(const char *url, bool may_have_fields, size_t most)
{
	const char *rest = behind_scheme(url), *path;
	struct connector_place place;
	size_t at = 0, first = SIZE_MAX;
	int got;

	if (rest == NULL || strlen(url) > most)
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

bool
connector_is_url(const char *url, bool may_have_fields)
{
	return is_url(url, may_have_fields, CONNECTOR_URL_BYTES);
}

bool
connector_is_url_of(const char *url, size_t most)
{
	return is_url(url, false, most);
}
