/* Bulk: a job of the target that is created, filled with CSV, closed and asked for; how the connector says
 * so, and the requests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/connector/connector_internal.h"
#include "lib/json/json.h"

static const struct step {
	const char *key, *method;
	bool may_choose, has_job, must;
} steps[CONNECTOR_STEPS] = {
    [STEP_CREATE] = {"create", "POST", true, false, true},
    [STEP_UPLOAD] = {"upload", "PUT", true, true, true},
    [STEP_CLOSE] = {"close", "PATCH", true, true, true},
    [STEP_POLL] = {"poll", "GET", false, true, true},
    [STEP_TAKEN] = {"taken", "GET", false, true, true},
    [STEP_REFUSED] = {"refused", "GET", false, true, true},
    [STEP_LEFT] = {"left", "GET", false, true, false},
};

/* ---- the compiler ---- */

static bool
has_place(const struct yaml_node *n)
{
	if (n->kind == YAML_SCALAR)
		return strstr(n->text, "${") != NULL;
	for (const struct yaml_node *child = n->first; child != NULL; child = child->next)
		if (has_place(child))
			return true;
	return false;
}

static void
check_url(const struct yaml_node *n, const char *url, bool has_job, struct problems *p)
{
	struct connector_place place;
	size_t at = 0, jobs = 0;
	int got;

	if (!connector_is_url(url, true))
		yaml_error(p, n, "no URL of https, nor of http to this machine");
	while ((got = connector_next_place(url, &at, &place)) > 0)
		if (strcmp(place.name, "job") != 0 || place.form != FORM_OWN)
			yaml_error(p, n, "${%s}: the URL of a job has ${job} alone", place.name);
		else
			jobs++;
	if (got < 0 || jobs != has_job)
		yaml_error(p, n,
		           has_job ? "the URL has to have ${job}, once" : "there is no ${job} before it is created");
}

static void
compile_step(struct connector_bulk *b, enum connector_step number, struct yaml_node *bulk, struct problems *p)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH", NULL};
	const struct step *step = &steps[number];
	struct connector_request *r = &b->step[number];
	struct yaml_node *n = yaml_get(bulk, step->key), *url, *method, *body;
	int word;

	if (n == NULL || n->kind != YAML_MAP || (url = yaml_get(n, "url")) == NULL) {
		if (n != NULL || step->must)
			yaml_error(p, n != NULL ? n : bulk, "%s: a map with its url is required", step->key);
		return;
	}
	if (yaml_text(p, url, &r->url))
		check_url(url, r->url, step->has_job, p);
	r->method = step->method;
	method = yaml_get(n, "method");
	if (method != NULL && !step->may_choose)
		yaml_error(p, method, "it is a GET");
	else if (method != NULL && yaml_word(p, method, methods, &word))
		r->method = methods[word];
	body = yaml_get(n, "body");
	if (body != NULL && number != STEP_CREATE && number != STEP_CLOSE)
		yaml_error(p, body, "a step has a body of its own where the job is created and closed");
	else if (body != NULL && has_place(body))
		yaml_error(p, body, "what creates or closes a job tells of no object: it has no fields");
	else
		r->body = body;
}

/* The words of what a poll says, and where they stand. */
static void
compile_poll(struct connector_bulk *b, struct yaml_node *poll, struct problems *p)
{
	const struct {
		const char *key;
		const struct yaml_node **ret;
	} lists[] = {{"open", &b->open}, {"done", &b->done}, {"failed", &b->failed}, {"aborted", &b->aborted}};

	if (poll == NULL || poll->kind != YAML_MAP)
		return;
	connector_take_path(p, poll, "state", &b->state);
	connector_take_path(p, poll, "code", &b->job_code);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct yaml_node *list = yaml_get(poll, lists[i].key);

		if (list != NULL && connector_is_text_list(p, list))
			*lists[i].ret = list;
	}
	if (b->state == NULL || b->open == NULL || b->done == NULL || b->failed == NULL)
		yaml_error(p, poll, "poll has state, where it stands, and which words are open, done and failed");
}

/* One column is our key, and known by nothing else. */
static void
compile_columns(struct connector_bulk *b, enum connector_kind kind, struct yaml_node *n, struct problems *p)
{
	struct yaml_node *columns = yaml_get(n, "columns"), *key = yaml_get(n, "key");
	char due[40];
	bool found = false;

	if (!connector_check_columns(kind, n, columns, p))
		return;
	b->columns = columns;
	if (key == NULL || !yaml_text(p, key, &b->key)) {
		yaml_error(p, n, "key: the column that rows are known by is required");
		return;
	}
	snprintf(due, sizeof(due), "${%s}", connector_keys[kind]);
	for (const struct yaml_node *c = columns->first; c != NULL; c = c->next)
		found |= c->kind == YAML_SCALAR && strcmp(c->key, b->key) == 0 && strcmp(c->text, due) == 0;
	if (!found)
		yaml_error(p, key, "rows are known by the column that is %s", due);
}

void
connector_compile_bulk(struct connector *c, enum connector_kind kind, struct yaml_node *n, struct problems *p)
{
	static const char *const known[] = {"from",  "columns", "key",   "empty",   "ends", "create", "upload",
	                                    "close", "poll",    "taken", "refused", "left", NULL};
	struct connector_bulk *b = &c->bulk[kind];
	struct yaml_node *from, *text;

	if (n->kind != YAML_MAP) {
		yaml_error(p, n, "a map that says how a job is made is required");
		return;
	}
	b->from = 2000;
	from = yaml_get(n, "from");
	if (from != NULL)
		yaml_int(p, from, 1, CONNECTOR_BULK_MOST, &b->from);
	b->empty = "";
	if ((text = yaml_get(n, "empty")) != NULL)
		yaml_text(p, text, &b->empty);
	if ((text = yaml_get(n, "ends")) != NULL)
		yaml_text(p, text, &b->ends);
	compile_columns(b, kind, n, p);
	for (int step = STEP_CREATE; step < CONNECTOR_STEPS; step++)
		compile_step(b, (enum connector_step) step, n, p);
	compile_poll(b, yaml_get(n, "poll"), p);
	if ((text = yaml_get(n, "create")) != NULL && text->kind == YAML_MAP)
		connector_take_path(p, text, "job", &b->job);
	if (b->job == NULL)
		yaml_error(p, text != NULL ? text : n, "create has job: where in the answer its id stands");
	if ((text = yaml_get(n, "refused")) != NULL && text->kind == YAML_MAP &&
	    (text = yaml_get(text, "code")) != NULL)
		yaml_text(p, text, &b->code);
	for (int step = STEP_CREATE; step < CONNECTOR_STEPS; step++) {
		static const char *const in_step[] = {"url",  "method", "body",   "job",     "state", "code",
		                                      "open", "done",   "failed", "aborted", NULL};
		struct yaml_node *map = yaml_get(n, steps[step].key);

		if (map != NULL && map->kind == YAML_MAP)
			yaml_unknown_keys(p, map, in_step);
	}
	yaml_unknown_keys(p, n, known);
}

void
connector_check_bulks(const struct connector *c, struct problems *p)
{
	bool any = false;

	for (int kind = 0; kind < CONNECTOR_KINDS; kind++)
		any |= c->bulk[kind].from > 0;
	for (size_t i = 0; any && i < c->login_count; i++)
		if (c->login[i].kind == LOGIN_SIGNATURE || c->login[i].kind == LOGIN_BODY)
			yaml_error(p, c->tree, "CSV has no place for a login in the body, and is no message with an id");
	for (const struct yaml_node *h = any && c->headers != NULL ? c->headers->first : NULL; h != NULL;
	     h = h->next)
		if (h->kind == YAML_SCALAR && has_place(h))
			yaml_error(p, h, "a job tells of many: a header with fields is of one");
}

/* ---- the requests ---- */

size_t
connector_bulk_from(const struct connector *c, enum connector_kind kind)
{
	return (size_t) c->bulk[kind].from;
}

bool
connector_has_step(const struct connector *c, enum connector_kind kind, enum connector_step step)
{
	return c->bulk[kind].step[step].url != NULL;
}

const char *
connector_step_method(const struct connector *c, enum connector_kind kind, enum connector_step step)
{
	return c->bulk[kind].step[step].method;
}

bool
connector_step_is_csv(enum connector_step step)
{
	return step == STEP_UPLOAD || step >= STEP_TAKEN;
}

char *
connector_step_url(const struct connector *c, enum connector_kind kind, enum connector_step step,
                   const char *job, char *why, size_t why_size)
{
	const char *template = c->bulk[kind].step[step].url;
	struct connector_place place;
	size_t at = 0, size = 0;
	char *url = NULL;
	FILE *out = open_memstream(&url, &size);
	bool good = out != NULL;

	if (good && connector_next_place(template, &at, &place) > 0) {
		fprintf(out, "%.*s", (int) place.begin, template);
		connector_write_encoded(out, job != NULL ? job : "");
	}
	if (good)
		fputs(template + at, out);
	good = good && fclose(out) == 0;
	snprintf(why, why_size, good ? "with its job the URL has a part . or .., or is too long" : "no memory");
	if (good && connector_is_url(url, false))
		return url;
	free(url);
	return NULL;
}

char *
connector_step_body(const struct connector *c, enum connector_kind kind, enum connector_step step,
                    const struct json *const *objects, size_t count, char *why, size_t why_size)
{
	const struct connector_object constants = {.record = c->bulk[kind].step[step].body};

	if (step == STEP_UPLOAD)
		return connector_write_csv(
		    &(const struct connector_csv){c->bulk[kind].columns, c->bulk[kind].empty, ',', false}, objects,
		    count, why, why_size);
	if (constants.record != NULL)
		return connector_compose(&constants, objects, 1, why, why_size);
	return strdup("");
}

/* ---- what keeps objects apart ---- */

bool
connector_has_parent(const struct connector *c, enum connector_kind kind)
{
	return c->object[kind].parent != NULL;
}

char *
connector_parent(const struct connector *c, enum connector_kind kind, const struct json *object)
{
	char why[64];
	bool is_null = false;

	return c->object[kind].parent != NULL
	           ? connector_text_or_null(c->object[kind].parent, object, &is_null, why, sizeof(why))
	           : NULL;
}
