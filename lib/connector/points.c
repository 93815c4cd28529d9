/* The key `points` of a connector, compiled; and what is sent by it. */
#include "lib/connector/points.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/connector/connector_internal.h"

#define WINDOW_S 86400
#define MISSING_AFTER_S 60 /* beside what a request may take: what is on its way has arrived then */

/* As points.request_object has them, and what the first step gave. */
static const char *const fields[] = {"reference",    "outbound_reference",
                                     "account",      "member",
                                     "programme",    "partner",
                                     "points",       "amount",
                                     "currency",     "type",
                                     "request_key",  "reason",
                                     "requested_at", "partner_reference",
                                     "first",        NULL};
static const char *const methods[] = {"POST", "PUT", "GET", NULL};
/* enum points_result, as far as a connector may say so */
static const char *const results[] = {"credited", "pending", "rejected", "not_taken",
                                      "stop",     "exists",  "missing",  NULL};

/* ---- templates ---- */

struct checked {
	struct problems *problems;
	bool body;
	size_t records;
};

static void
check_text(struct checked *c, const struct yaml_node *n)
{
	struct connector_place place;
	size_t at = 0;
	int got;

	while ((got = connector_next_place(n->text, &at, &place)) > 0) {
		bool record = c->body && strcmp(place.name, "record") == 0;

		c->records += record;
		if (record && place.length != strlen(n->text))
			yaml_error(c->problems, n, "${record} stands alone");
		else if (c->body && !record)
			yaml_error(c->problems, n, "${%s}: a body has ${record}; fields stand in the record", place.name);
		else if (!record && connector_word(fields, place.name) < 0)
			yaml_error(c->problems, n, "a points request has no field %s", place.name);
		else if (place.form >= FORM_DATE && strcmp(place.name, "requested_at") != 0)
			yaml_error(c->problems, n, "%s is no time", place.name);
	}
	if (got < 0)
		yaml_error(c->problems, n,
		           "what begins with ${ is no field: write ${name} or ${name|text}, |last, |date, |ms");
}

static void
check_tree(struct checked *c, const struct yaml_node *n)
{
	if (n->kind == YAML_SCALAR)
		check_text(c, n);
	else
		for (const struct yaml_node *child = n->first; child != NULL; child = child->next)
			check_tree(c, child);
}

/* ---- a step ---- */

static bool
compile_shape(struct connector_points_step *s, struct yaml_node *n, const char *method, struct problems *p)
{
	struct yaml_node *url = yaml_get(n, "url"), *record = yaml_get(n, "record"), *body = yaml_get(n, "body"),
	                 *way = yaml_get(n, "method");
	struct checked checked = {.problems = p};
	int word = connector_word(methods, method);

	if (way != NULL)
		yaml_word(p, way, methods, &word);
	s->method = methods[word];
	if (url == NULL)
		yaml_error(p, n, "url is missing");
	else if (yaml_text(p, url, &s->shape.url) && !connector_is_url(s->shape.url, true))
		yaml_error(p, url, "no URL of https, nor of http to this machine");
	else if (s->shape.url != NULL)
		check_text(&checked, url);
	if (record != NULL && (record->kind != YAML_MAP || record->first == NULL))
		yaml_error(p, record, "record: a map of their fields is required");
	else if (record != NULL)
		check_tree(&checked, s->shape.record = record);
	if (body != NULL) {
		checked = (struct checked){.problems = p, .body = true};
		check_tree(&checked, s->shape.body = body);
		if (checked.records != 1 || record == NULL)
			yaml_error(p, body, "a body has ${record} once, and a record");
	}
	if ((s->shape.record != NULL) != (strcmp(s->method, "GET") != 0))
		yaml_error(p, n, "%s", s->shape.record != NULL ? "GET has no record" : "record is missing");
	return s->shape.url != NULL;
}

/* ---- answers ---- */

/* Which statuses may mean what: what a partner says in a 5xx it may not know itself. */
static bool
may_mean(int status, enum points_result result)
{
	if (result == POINTS_CREDITED || result == POINTS_PENDING)
		return status / 100 == 2;
	return status / 100 == 4 || (result == POINTS_NOT_TAKEN && status == 503);
}

static void
compile_status(unsigned char status[600], const struct yaml_node *n, enum points_result result,
               struct problems *p)
{
	for (struct yaml_node *item = n->first; item != NULL; item = item->next) {
		int64_t number;

		if (!yaml_int(p, item, 100, 599, &number))
			continue;
		if (!may_mean((int) number, result))
			yaml_error(p, item, "%d never means %s", (int) number, results[result]);
		else if (status[number] != POINTS_UNKNOWN)
			yaml_error(p, item, "%d has its meaning already", (int) number);
		else
			status[number] = (unsigned char) result;
	}
}

static bool
is_word_list(struct problems *p, const struct yaml_node *n)
{
	bool good = n->kind == YAML_LIST && n->first != NULL;

	for (const struct yaml_node *item = n->first; good && item != NULL; item = item->next)
		good =
		    item->kind == YAML_SCALAR && item->text[0] != '\0' && strlen(item->text) <= CONNECTOR_CODE_BYTES;
	if (!good)
		yaml_error(p, n, "a list of words is required");
	return good;
}

static bool
is_had(const struct yaml_node *const words[POINTS_RESULTS], const char *word)
{
	for (int i = 0; i < POINTS_RESULTS; i++)
		for (const struct yaml_node *had = words[i] != NULL ? words[i]->first : NULL; had != NULL;
		     had = had->next)
			if (strcmp(had->text, word) == 0)
				return true;
	return false;
}

/* A map of results to lists; may: a bit for each result that it may have. */
static void
compile_words(struct connector_points_answer *a, struct yaml_node *n, unsigned may,
              const struct yaml_node *words[POINTS_RESULTS], struct problems *p)
{
	if (n == NULL)
		return;
	if (n->kind != YAML_MAP) {
		yaml_error(p, n, "a map, as {credited: [...]}, is required");
		return;
	}
	for (int i = 0; results[i] != NULL; i++) {
		struct yaml_node *list = yaml_get(n, results[i]);

		if (list == NULL)
			continue;
		if ((may & 1u << i) == 0)
			yaml_error(p, list, "it cannot mean that here");
		else if (is_word_list(p, list) && words == NULL)
			compile_status(a->status, list, (enum points_result) i, p);
		else if (words != NULL && list->kind == YAML_LIST) {
			for (const struct yaml_node *item = list->first; item != NULL; item = item->next)
				if (item->kind == YAML_SCALAR && is_had(words, item->text))
					yaml_error(p, item, "%s has its meaning already", item->text);
			words[i] = list;
		}
	}
	yaml_unknown_keys(p, n, results);
}

static void
compile_answer(struct connector_points_answer *a, struct yaml_node *n, enum points_step step,
               struct problems *p)
{
	static const char *const known[] = {"state",  "states", "status",    "code", "codes",
	                                    "points", "ours",   "reference", NULL};
	const unsigned good = 1u << POINTS_CREDITED | 1u << POINTS_PENDING,
	               missing = step == POINTS_ASK ? 1u << POINTS_MISSING : 0,
	               exists = step == POINTS_SEND ? 1u << POINTS_EXISTS : 0,
	               bad = 1u << POINTS_REJECTED | 1u << POINTS_NOT_TAKEN | 1u << POINTS_STOP,
	               /* a request that has a state was taken; what comes first moves nothing */
	    refusals = step == POINTS_FIRST ? bad : 1u << POINTS_REJECTED;

	if (n->kind != YAML_MAP) {
		yaml_error(p, n, "a map that says what answers mean is required");
		return;
	}
	memset(a->status, POINTS_UNKNOWN, sizeof(a->status));
	connector_take_path(p, n, "state", &a->state);
	connector_take_path(p, n, "code", &a->code);
	connector_take_path(p, n, "points", &a->points);
	connector_take_path(p, n, "ours", &a->ours);
	connector_take_path(p, n, "reference", &a->reference);
	compile_words(a, yaml_get(n, "states"), good | refusals | missing, a->states, p);
	compile_words(a, yaml_get(n, "codes"), 1u << POINTS_PENDING | bad | exists | missing, a->codes, p);
	compile_words(a, yaml_get(n, "status"), good | bad | exists | missing, NULL, p);
	if ((a->state != NULL) != (yaml_get(n, "states") != NULL))
		yaml_error(p, n, "state and states go together: where it stands, and what its words mean");
	if ((a->code != NULL) != (yaml_get(n, "codes") != NULL))
		yaml_error(p, n, "code and codes go together: where it stands, and what its words mean");
	yaml_unknown_keys(p, n, known);
}

/* ---- the whole ---- */

static void
compile_ask(struct connector_points *o, struct yaml_node *n, struct problems *p)
{
	static const char *const known[] = {"url", "method", "record", "body",          "list",
	                                    "key", "more",   "answer", "missing_after", NULL};
	struct yaml_node *answer, *after;
	int64_t ms;

	if (n->kind != YAML_MAP) {
		yaml_error(p, n, "a map with the url that is asked is required");
		return;
	}
	compile_shape(&o->step[POINTS_ASK], n, yaml_get(n, "record") != NULL ? "POST" : "GET", p);
	connector_take_path(p, n, "list", &o->list);
	connector_take_path(p, n, "key", &o->key);
	connector_take_path(p, n, "more", &o->more);
	if ((o->list != NULL) != (o->key != NULL))
		yaml_error(p, n, "list and key go together: whose each row of it is");
	answer = yaml_get(n, "answer");
	if (answer != NULL)
		compile_answer(&o->answer[POINTS_ASK], answer, POINTS_ASK, p);
	else
		o->answer[POINTS_ASK] = o->answer[POINTS_SEND];
	after = yaml_get(n, "missing_after");
	if (after != NULL && yaml_duration_ms(p, after, &ms)) {
		o->missing_after_s = ms / 1000;
		if (ms < 1000 || ms > CONNECTOR_WAIT_S * INT64_C(1000))
			yaml_error(p, after, "from 1s to 1d");
	}
	yaml_unknown_keys(p, n, known);
}

static void
compile_first(struct connector_points *o, struct yaml_node *n, struct problems *p)
{
	static const char *const known[] = {"url", "method", "record", "body", "value", "answer", NULL};
	struct yaml_node *answer;

	if (n->kind != YAML_MAP) {
		yaml_error(p, n, "a map with url, record and value is required");
		return;
	}
	compile_shape(&o->step[POINTS_FIRST], n, yaml_get(n, "record") != NULL ? "POST" : "GET", p);
	connector_take_path(p, n, "value", &o->value);
	if (o->value == NULL)
		yaml_error(p, n, "value is missing: where what the request needs stands in the answer");
	answer = yaml_get(n, "answer");
	if (answer != NULL)
		compile_answer(&o->answer[POINTS_FIRST], answer, POINTS_FIRST, p);
	else
		memset(o->answer[POINTS_FIRST].status, POINTS_UNKNOWN, sizeof(o->answer[POINTS_FIRST].status));
	yaml_unknown_keys(p, n, known);
}

static void
compile_rules(struct connector_points *o, struct yaml_node *n, struct problems *p)
{
	static const char *const missings[] = {"unknown", "not_sent", NULL};
	static const char *const names[] = {"outbound_reference", "reference", NULL};
	struct yaml_node *idempotent = yaml_get(n, "idempotent"), *missing = yaml_get(n, "missing"),
	                 *window = yaml_get(n, "window"), *known_by = yaml_get(n, "known_by");
	int word = 0, name = 0;
	int64_t ms;

	if (idempotent != NULL)
		yaml_bool(p, idempotent, &o->idempotent);
	if (missing != NULL && yaml_word(p, missing, missings, &word))
		o->missing_is_unsent = word == 1;
	if (o->missing_is_unsent && o->step[POINTS_ASK].shape.url == NULL)
		yaml_error(p, missing, "nobody is asked whether it is there: ask is missing");
	if (window != NULL && yaml_duration_ms(p, window, &ms)) {
		o->window_s = ms / 1000;
		if (ms < 60000 || ms > INT64_C(30) * 86400000)
			yaml_error(p, window, "from 1m to 30d");
	}
	if (known_by != NULL)
		yaml_word(p, known_by, names, &name);
	o->known_by = names[name];
}

/* Headers that name fields are those of a points request, too; a login in the body has to have one. */
static void
check_others(const struct connector *c, const struct yaml_node *at, struct problems *p)
{
	struct checked checked = {.problems = p};

	for (size_t i = 0; i < c->login_count; i++)
		for (int step = 0; step < POINTS_STEPS; step++)
			if (c->points.step[step].shape.url != NULL &&
			    (c->login[i].kind == LOGIN_SIGNATURE ||
			     (c->login[i].kind == LOGIN_BODY && c->points.step[step].shape.record == NULL))) {
				yaml_error(p, at, "the login %s needs a body that has it: here is none",
				           connector_login_kinds[c->login[i].kind]);
				break;
			}
	for (const struct yaml_node *n = c->headers != NULL ? c->headers->first : NULL; n != NULL; n = n->next)
		if (n->kind == YAML_SCALAR)
			check_text(&checked, n);
}

void
connector_compile_points(struct connector *c, struct problems *p)
{
	static const char *const known[] = {"url",   "method",     "record",  "body",   "answer",   "ask",
	                                    "first", "idempotent", "missing", "window", "known_by", NULL};
	struct yaml_node *n = yaml_get(c->tree, "points"), *answer, *ask, *first;
	struct connector_points *o = &c->points;

	if (n == NULL)
		return;
	if (n->kind != YAML_MAP) {
		yaml_error(p, n, "a map with url, record and answer is required");
		return;
	}
	o->window_s = WINDOW_S;
	o->missing_after_s = c->timeout_ms / 1000 + MISSING_AFTER_S;
	compile_shape(&o->step[POINTS_SEND], n, "POST", p);
	answer = yaml_get(n, "answer"), ask = yaml_get(n, "ask"), first = yaml_get(n, "first");
	if (answer == NULL)
		yaml_error(p, n, "answer is missing: without it nothing that the partner says is believed");
	else
		compile_answer(&o->answer[POINTS_SEND], answer, POINTS_SEND, p);
	if (ask != NULL)
		compile_ask(o, ask, p);
	if (first != NULL)
		compile_first(o, first, p);
	compile_rules(o, n, p);
	check_others(c, n, p);
	yaml_unknown_keys(p, n, known);
}

/* ---- for those who send ---- */

bool
connector_sends_points(const struct connector *c, enum points_step step)
{
	return c->points.step[step].shape.url != NULL;
}

bool
connector_points_idempotent(const struct connector *c)
{
	return c->points.idempotent;
}

bool
connector_points_missing_is_unsent(const struct connector *c)
{
	return c->points.missing_is_unsent;
}

int64_t
connector_points_missing_after_s(const struct connector *c)
{
	return c->points.missing_after_s;
}

int64_t
connector_points_window_s(const struct connector *c)
{
	return c->points.window_s;
}

const char *
connector_points_method(const struct connector *c, enum points_step step)
{
	return c->points.step[step].method;
}

char *
connector_points_url(const struct connector *c, enum points_step step, const struct json *object, char *why,
                     size_t why_size)
{
	char *url = connector_encoded_text(c->points.step[step].shape.url, object, why, why_size);

	if (url == NULL || connector_is_url(url, false))
		return url;
	snprintf(why, why_size, "with its fields the URL has a part . or .., or is too long");
	free(url);
	return NULL;
}

char *
connector_points_body(const struct connector *c, enum points_step step, const struct json *object, char *why,
                      size_t why_size)
{
	const struct connector_object *shape = &c->points.step[step].shape;

	return shape->record != NULL ? connector_compose(shape, &object, 1, why, why_size) : strdup("");
}
