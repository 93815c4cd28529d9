/* Reading back: how a target is asked for what it was told, and what its answer says of each object.  Its
 * bytes are hostile: an answer that is not what the connector promises is no sight of anything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/connector/connector_internal.h"
#include "lib/json/json.h"

/* ---- the compiler ---- */

/* The places of a template: fields of ours, or (in a URL) ${keys}. */
static size_t
check_places(const struct yaml_node *n, enum connector_kind kind, bool one, size_t *ret_keys,
             struct problems *p)
{
	struct connector_place place;
	size_t at = 0, count = 0;
	int got;

	while ((got = connector_next_place(n->text, &at, &place)) > 0) {
		count++;
		if (ret_keys != NULL && strcmp(place.name, "keys") == 0)
			++*ret_keys;
		else if (!connector_has_field(kind, place.name))
			yaml_error(p, n, "a %s has no field %s", connector_kinds[kind], place.name);
		else if (!one)
			yaml_error(p, n, "a question of a batch is for many: ${%s} is of one; write ${keys}", place.name);
	}
	if (got < 0)
		yaml_error(p, n, "what begins with ${ is no field: write ${name} or ${name|text}, |date, |ms");
	return count;
}

static void
check_compared(const struct connector_reading *r, enum connector_kind kind, struct problems *p)
{
	for (const struct yaml_node *n = r->compare->first; n != NULL; n = n->next)
		if (n->kind != YAML_SCALAR)
			yaml_error(p, n, "what the target has there: a text with fields of ours is required");
		else
			check_places(n, kind, true, NULL, p);
}

/* How its objects are named in the question, so that the answer can be laid beside them. */
static void
check_question(const struct connector *c, const struct connector_reading *r, enum connector_kind kind,
               const struct yaml_node *n, struct yaml_node *url, struct problems *p)
{
	bool one = r->batch == 1;
	size_t keys = 0, fields = check_places(url, kind, one, &keys, p);

	if (!connector_is_url(r->url, true))
		yaml_error(p, url, "no URL of https, nor of http to this machine");
	if (r->each != NULL)
		check_places(r->each, kind, true, NULL, p);
	if ((keys > 0 || r->body != NULL) && r->each == NULL)
		yaml_error(p, n, "each is missing: what stands for one object in ${keys} or ${records}");
	if (keys == 0 && r->body == NULL && (fields == 0 || !one))
		yaml_error(p, url, "the question names no object: write ${keys}, or a body with ${records}");
	if (!one && (r->list == NULL || r->key == NULL))
		yaml_error(p, n, "a batch of more than one has list and key: whose each row of the answer is");
	if (r->list != NULL && r->key == NULL)
		yaml_error(p, n, "list needs key: whose each row of it is");
	for (const struct yaml_node *h = c->headers != NULL ? c->headers->first : NULL; h != NULL; h = h->next)
		if (!one && h->kind == YAML_SCALAR && strstr(h->text, "${") != NULL)
			yaml_error(p, h, "a question of a batch is for many: a header with fields is of one");
}

void
connector_compile_reading(struct connector *c, enum connector_kind kind, struct yaml_node *n,
                          struct problems *p)
{
	static const char *const known[] = {"url",  "method", "each", "join",    "body", "batch",
	                                    "list", "key",    "more", "compare", NULL};
	static const char *const methods[] = {"GET", "POST", NULL};
	struct connector_reading *r = &c->reading[kind];
	struct yaml_node *url, *each, *join, *batch, *method;
	int word;

	if (n->kind != YAML_MAP || (url = yaml_get(n, "url")) == NULL) {
		yaml_error(p, n, "a map with the url that is asked is required");
		return;
	}
	each = yaml_get(n, "each"), join = yaml_get(n, "join"), batch = yaml_get(n, "batch");
	method = yaml_get(n, "method");
	r->batch = 1;
	r->join = ",";
	r->body = yaml_get(n, "body");
	r->compare = yaml_get(n, "compare");
	word = r->body != NULL;
	if (batch != NULL)
		yaml_int(p, batch, 1, CONNECTOR_BATCH_MOST, &r->batch);
	if (each != NULL && each->kind != YAML_SCALAR)
		yaml_error(p, each, "a text with fields of ours is required");
	else
		r->each = each;
	if (join != NULL)
		yaml_text(p, join, &r->join);
	if (method != NULL && yaml_word(p, method, methods, &word) && (word == 0) != (r->body == NULL))
		yaml_error(p, method, "GET has no body, POST has one");
	r->method = methods[word];
	connector_take_path(p, n, "list", &r->list);
	connector_take_path(p, n, "key", &r->key);
	connector_take_path(p, n, "more", &r->more);
	if (r->compare == NULL || r->compare->kind != YAML_MAP || r->compare->first == NULL)
		yaml_error(p, n,
		           "compare: what stands where in the target, as {Status__c: \"${state}\"}, is required");
	else
		check_compared(r, kind, p);
	if (yaml_text(p, url, &r->url))
		check_question(c, r, kind, n, url, p);
	if (r->body != NULL)
		connector_check_body(kind, r->body, p);
	yaml_unknown_keys(p, n, known);
}

void
connector_check_readings(const struct connector *c, struct problems *p)
{
	for (int kind = 0; kind < CONNECTOR_KINDS; kind++) {
		const struct connector_reading *r = &c->reading[kind];

		for (size_t i = 0; r->url != NULL && i < c->login_count; i++)
			if (c->login[i].kind == LOGIN_SIGNATURE)
				yaml_error(p, c->tree,
				           "a signature is of what is told: such a target cannot be asked by read");
			else if (c->login[i].kind == LOGIN_BODY && (r->body == NULL || r->body->kind != YAML_MAP))
				yaml_error(p, r->body != NULL ? r->body : c->tree,
				           "a login in the body has to have a map there, in read, too");
	}
}

/* ---- the question ---- */

bool
connector_reads(const struct connector *c, enum connector_kind kind)
{
	return c->reading[kind].url != NULL;
}

size_t
connector_read_batch(const struct connector *c, enum connector_kind kind)
{
	return (size_t) c->reading[kind].batch;
}

const char *
connector_read_method(const struct connector *c, enum connector_kind kind)
{
	return c->reading[kind].method;
}

/* In a query a quote or a comma of a member's name would become another question: no encoding helps, since
 * the target decodes it before it reads the query. */
static bool
is_safe(const char *value)
{
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char) *p < ' ' || *p == 0x7f || strchr("'\"\\,;()[]{}|&%*<>=`", *p) != NULL)
			return false;
	return value[0] != '\0';
}

/* A template with its fields, as text.  NULL with a sentence in why[]. */
static char *
safe_text(const char *template, const struct json *object, char *why, size_t why_size)
{
	struct connector_place place;
	char buf[JSON_PLAIN_SIZE];
	size_t at = 0;

	while (connector_next_place(template, &at, &place) > 0) {
		const char *value = json_plain(json_get(object, place.name), buf);

		if (value == NULL || is_safe(value))
			continue;
		snprintf(why, why_size, "%s has a character that a query may not have", place.name);
		return NULL;
	}
	return connector_text(template, object, why, why_size);
}

static bool
write_keys(FILE *out, const struct connector_reading *r, const struct json *const *objects, size_t count,
           char *why, size_t why_size)
{
	for (size_t i = 0; i < count; i++) {
		char *key = safe_text(r->each->text, objects[i], why, why_size);

		if (key == NULL)
			return false;
		if (i > 0)
			connector_write_encoded(out, r->join);
		connector_write_encoded(out, key);
		free(key);
	}
	return true;
}

static bool
write_url(FILE *out, const struct connector_reading *r, const struct json *const *objects, size_t count,
          char *why, size_t why_size)
{
	struct connector_place place;
	size_t at = 0, done = 0;

	while (connector_next_place(r->url, &at, &place) > 0) {
		char *value = NULL, field[sizeof(place.name) + 16];

		fprintf(out, "%.*s", (int) (place.begin - done), r->url + done);
		done = at;
		if (strcmp(place.name, "keys") == 0) {
			if (!write_keys(out, r, objects, count, why, why_size))
				return false;
			continue;
		}
		snprintf(field, sizeof(field), "%.*s", (int) place.length, r->url + place.begin);
		value = safe_text(field, objects[0], why, why_size);
		if (value == NULL)
			return false;
		connector_write_encoded(out, value);
		free(value);
	}
	fputs(r->url + done, out);
	return true;
}

char *
connector_read_url(const struct connector *c, enum connector_kind kind, const struct json *const *objects,
                   size_t count, char *why, size_t why_size)
{
	char *url = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&url, &size);
	bool good = out != NULL && write_url(out, &c->reading[kind], objects, count, why, why_size);

	if (out == NULL || fclose(out) != 0) {
		snprintf(why, why_size, "no memory");
		good = false;
	} else if (good &&
	           (size > CONNECTOR_READ_URL_BYTES || !connector_is_url_of(url, CONNECTOR_READ_URL_BYTES))) {
		snprintf(why, why_size, "with its keys the URL has a part . or .., or is too long");
		good = false;
	}
	if (good)
		return url;
	free(url);
	return NULL;
}

char *
connector_read_body(const struct connector *c, enum connector_kind kind, const struct json *const *objects,
                    size_t count, char *why, size_t why_size)
{
	const struct connector_reading *r = &c->reading[kind];
	const struct connector_object question = {.record = r->each, .body = r->body};

	return r->body != NULL ? connector_compose(&question, objects, count, why, why_size) : strdup("");
}

/* ---- the answer ---- */

/* What the target has there, beside what it ought to have: numbers are the same in quotes and with .0. */
static bool
is_same(const struct yaml_node *n, const struct json *theirs, const struct json *object)
{
	char buf[JSON_PLAIN_SIZE], why[64];
	const char *has = json_plain_whole(connector_at_path(theirs, n->key), buf);
	bool is_null = false;
	char *due = connector_text_or_null(n->text, object, &is_null, why, sizeof(why));
	bool same = is_null ? has == NULL || has[0] == '\0' : due != NULL && has != NULL && strcmp(due, has) == 0;

	free(due);
	return same;
}

struct sight {
	const struct connector_reading *reading;
	enum connector_kind kind;
	const struct json *const *objects;
	size_t count;
	struct connector_row *rows;
	bool *seen;
};

static void
put(struct sight *s, size_t place, const char *code, const char *field)
{
	s->rows[place].result = code == NULL ? CONNECTOR_DELIVERED : CONNECTOR_HELD;
	snprintf(s->rows[place].code, sizeof(s->rows[place].code), "%s%s", code != NULL ? code : "", field);
}

static void
see(struct sight *s, size_t place, const struct json *theirs)
{
	if (s->seen[place]) {
		put(s, place, CONNECTOR_DIFFERS, "it is there twice");
		return;
	}
	s->seen[place] = true;
	for (const struct yaml_node *n = s->reading->compare->first; n != NULL; n = n->next)
		if (!is_same(n, theirs, s->objects[place])) {
			put(s, place, CONNECTOR_DIFFERS, n->key);
			return;
		}
	put(s, place, NULL, "");
}

static void
see_list(struct sight *s, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		char buf[JSON_PLAIN_SIZE];
		const char *key = json_plain(connector_at_path(json_item(list, i), s->reading->key), buf);

		for (size_t place = 0; key != NULL && place < s->count; place++) {
			const char *ours = json_string_of(s->objects[place], connector_keys[s->kind]);

			if (ours != NULL && connector_is_key(s->kind, connector_keys[s->kind], ours, key))
				see(s, place, json_item(list, i));
		}
	}
}

/* Is the answer a part only, so that who is not in it may well be there? */
static bool
is_part(const struct connector_reading *r, const struct json *body)
{
	char buf[JSON_PLAIN_SIZE];
	const struct json *more = connector_at_path(body, r->more);
	const char *text = json_plain(more, buf);

	if (r->more == NULL || more == NULL)
		return false;
	return json_is_map(more) || json_is_list(more) ||
	       (text != NULL && text[0] != '\0' && strcmp(text, "false") != 0);
}

void
connector_judge_read(const struct connector *c, enum connector_kind kind, const struct json *const *objects,
                     size_t count, const struct connector_answer *answer, struct connector_row *ret_rows,
                     struct connector_verdict *ret)
{
	const struct connector_reading *r = &c->reading[kind];
	bool seen[CONNECTOR_BATCH_MOST] = {false}, is_text, gone;
	struct sight s = {r, kind, objects, count, ret_rows, seen};
	struct json *body;
	const struct json *list;

	/* as of what is told: by its status, its code, its headers; of rows it says nothing yet */
	connector_judge_whole(c, answer, ret);
	gone = answer->status == 404 && count == 1 && r->list == NULL;
	for (size_t i = 0; i < count; i++) {
		ret_rows[i] = (struct connector_row){.status = answer->status, .result = ret->result};
		if (ret->result == CONNECTOR_STOP)
			ret_rows[i].result = CONNECTOR_RETRY;
	}
	if (ret->result != CONNECTOR_DELIVERED && !gone)
		return;
	for (size_t i = 0; i < count; i++)
		put(&s, i, CONNECTOR_MISSING, "");
	if (gone) {
		*ret = (struct connector_verdict){.result = CONNECTOR_DELIVERED};
		return;
	}
	is_text = answer->body != NULL && strlen(answer->body) == answer->length;
	body = is_text ? json_parse(answer->body) : NULL;
	list = r->list != NULL ? connector_at_path(body, r->list) : body;
	if (is_part(r, body)) {
		ret->result = CONNECTOR_HELD;
		snprintf(ret->why, sizeof(ret->why), "its answer is a part: there is more");
	} else if (r->list != NULL && json_is_list(list)) {
		see_list(&s, list);
	} else if (r->list == NULL && json_is_map(body)) {
		see(&s, 0, body);
	} else {
		ret->result = CONNECTOR_RETRY;
		snprintf(ret->why, sizeof(ret->why), "its answer is not what was promised");
	}
	if (ret->result != CONNECTOR_DELIVERED)
		for (size_t i = 0; i < count; i++)
			ret_rows[i] = (struct connector_row){.status = answer->status, .result = ret->result};
	json_free(body);
}
