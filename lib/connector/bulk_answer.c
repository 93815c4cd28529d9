/* What a target says of a job, and of each row of it.  Its bytes are hostile: a row that no list names was
 * not taken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/text.h"
#include "lib/connector/connector_internal.h"
#include "lib/json/json.h"

/* A code, up to where the connector says that words begin. */
static void
take_code(const struct connector_bulk *b, const char *text, char ret[CONNECTOR_CODE_BYTES + 1])
{
	const char *end = b->ends != NULL ? strstr(text, b->ends) : NULL;
	size_t length = end != NULL ? (size_t) (end - text) : strlen(text);

	while (length > 0 && text[length - 1] == ' ')
		length--;
	text_display(ret, CONNECTOR_CODE_BYTES + 1, text, length);
}

static void
not_promised(struct connector_verdict *ret)
{
	ret->result = CONNECTOR_RETRY;
	snprintf(ret->why, sizeof(ret->why), "its answer is not what was promised");
}

/* ---- the job ---- */

/* An id that may stand in a URL and in our database. */
static bool
take_job(const struct connector_bulk *b, const struct json *body, char ret[CONNECTOR_JOB_BYTES + 1])
{
	char buf[JSON_PLAIN_SIZE];
	const char *job = json_plain(connector_at_path(body, b->job), buf);

	if (job == NULL || job[0] == '\0' || strlen(job) > CONNECTOR_JOB_BYTES)
		return false;
	for (const char *p = job; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	snprintf(ret, CONNECTOR_JOB_BYTES + 1, "%s", job);
	return true;
}

static enum connector_job_state
take_state(const struct connector *c, const struct connector_bulk *b, const struct json *body,
           struct connector_verdict *ret)
{
	char buf[JSON_PLAIN_SIZE], code_buf[JSON_PLAIN_SIZE], code[CONNECTOR_CODE_BYTES + 1] = "";
	const char *state = json_plain(connector_at_path(body, b->state), buf);
	const char *said =
	    b->job_code != NULL ? json_plain(connector_at_path(body, b->job_code), code_buf) : NULL;
	int of_code;

	if (state == NULL || state[0] == '\0') {
		not_promised(ret);
		return JOB_UNKNOWN;
	}
	if (connector_is_word_of(b->done, state))
		return JOB_ENDED;
	if (connector_is_word_of(b->open, state))
		return JOB_OPEN;
	if (connector_is_word_of(b->aborted, state))
		return JOB_GONE;
	if (!connector_is_word_of(b->failed, state))
		return JOB_GOING;
	/* a person has to see to a job that fails, where nobody says that it is worth another */
	if (said != NULL)
		take_code(b, said, code);
	of_code = connector_result_of(c, code);
	ret->result = of_code > CONNECTOR_DELIVERED ? (enum connector_result) of_code : CONNECTOR_STOP;
	snprintf(ret->why, sizeof(ret->why), "the job failed%s%s", code[0] != '\0' ? ": " : "", code);
	return JOB_FAILED;
}

static bool
is_gone(int status)
{
	return status == 404 || status == 410;
}

void
connector_judge_step(const struct connector *c, enum connector_kind kind, enum connector_step step,
                     const struct connector_answer *answer, char ret_job[CONNECTOR_JOB_BYTES + 1],
                     enum connector_job_state *ret_state, struct connector_verdict *ret)
{
	bool is_text = answer->body != NULL && strlen(answer->body) == answer->length;
	struct json *body;

	*ret_state = JOB_UNKNOWN;
	connector_judge_whole(c, answer, ret);
	if (step > STEP_CREATE && is_gone(answer->status)) {
		*ret = (struct connector_verdict){.result = CONNECTOR_DELIVERED};
		*ret_state = JOB_GONE;
	}
	if (ret->result != CONNECTOR_DELIVERED || *ret_state == JOB_GONE ||
	    (step != STEP_CREATE && step != STEP_POLL))
		return;
	body = is_text ? json_parse(answer->body) : NULL;
	if (step == STEP_POLL)
		*ret_state = take_state(c, &c->bulk[kind], body, ret);
	else if (!take_job(&c->bulk[kind], body, ret_job))
		not_promised(ret);
	json_free(body);
}

/* ---- CSV ---- */

#define CELLS 256

/* One record of it: cells that point into the text, which is written into.  False: it ends, or is none. */
struct reader {
	char *at;
	char *cell[CELLS];
	size_t count;
};

/* A cell in quotes, from behind the first on: its end, or NULL. */
static char *
unquote(char *from)
{
	char *to = from, *p = from;

	for (; *p != '\0'; p++)
		if (*p == '"' && p[1] == '"')
			*to++ = *p++;
		else if (*p == '"')
			break;
		else
			*to++ = *p;
	if (*p == '\0')
		return NULL;
	p++;
	/* what was doubled left room behind it */
	if (to < p)
		memset(to, '\0', (size_t) (p - to));
	return p;
}

static bool
next_record(struct reader *r)
{
	r->count = 0;
	while (*r->at == '\n' || *r->at == '\r')
		r->at++;
	if (*r->at == '\0')
		return false;
	for (;;) {
		char *begin = r->at, *end;
		char found;

		if (r->count == CELLS)
			return false;
		if (*begin == '"') {
			begin++;
			end = unquote(begin);
			if (end == NULL)
				return false;
		} else {
			end = begin + strcspn(begin, ",\r\n");
		}
		found = *end;
		if (found != '\0' && strchr(",\r\n", found) == NULL)
			return false;
		r->cell[r->count++] = begin;
		*end = '\0';
		r->at = found != '\0' ? end + 1 : end;
		if (found != ',')
			return true;
	}
}

/* The place of a column; -1: there is none. */
static int
column_of(const struct reader *r, const char *name)
{
	for (size_t i = 0; name != NULL && i < r->count; i++)
		if (strcmp(r->cell[i], name) == 0)
			return (int) i;
	return -1;
}

/* ---- rows ---- */

struct named {
	const char *key;
	size_t place;
};

static int
by_key(const void *one, const void *other)
{
	return strcasecmp(((const struct named *) one)->key, ((const struct named *) other)->key);
}

static struct named *
sort_keys(enum connector_kind kind, const struct json *const *objects, size_t count)
{
	struct named *names = calloc(count, sizeof(*names));

	for (size_t i = 0; names != NULL && i < count; i++) {
		const char *key = json_string_of(objects[i], connector_keys[kind]);

		names[i] = (struct named){key != NULL ? key : "", i};
	}
	if (names != NULL)
		qsort(names, count, sizeof(*names), by_key);
	return names;
}

struct list {
	const struct connector *connector;
	enum connector_kind kind;
	enum connector_step step;
	const struct named *names;
	size_t count;
	bool *seen;
	struct connector_row *rows;
	struct connector_verdict *verdict;
};

/* One object's: the worse of what is said of it counts. */
static void
put_row(struct list *l, size_t place, const char *code)
{
	struct connector_row row = {.result = l->step == STEP_TAKEN ? CONNECTOR_DELIVERED : CONNECTOR_HELD};
	int said;

	if (l->step == STEP_LEFT) {
		row.result = CONNECTOR_RETRY;
		snprintf(row.code, sizeof(row.code), "it was not looked at");
	} else if (l->step == STEP_REFUSED) {
		take_code(&l->connector->bulk[l->kind], code != NULL ? code : "", row.code);
		said = connector_result_of(l->connector, row.code);
		row.result = said > CONNECTOR_DELIVERED    ? (enum connector_result) said
		             : said == CONNECTOR_DELIVERED ? CONNECTOR_DELIVERED
		                                           : CONNECTOR_HELD;
	}
	if (row.result == CONNECTOR_STOP) {
		row.result = CONNECTOR_RETRY;
		l->verdict->result = CONNECTOR_STOP;
		snprintf(l->verdict->why, sizeof(l->verdict->why), "%s", row.code);
	}
	if (l->seen[place] && row.result <= l->rows[place].result)
		return;
	l->seen[place] = true;
	l->rows[place] = row;
}

/* All that are known by this key; members of other cases are not. */
static void
put_key(struct list *l, const char *key, const char *code)
{
	const struct named wanted = {key, 0};
	const struct named *found = bsearch(&wanted, l->names, l->count, sizeof(*found), by_key);

	while (found != NULL && found > l->names && strcasecmp(found[-1].key, key) == 0)
		found--;
	for (; found != NULL && found < l->names + l->count && strcasecmp(found->key, key) == 0; found++)
		if (connector_is_key(l->kind, connector_keys[l->kind], found->key, key))
			put_row(l, found->place, code);
}

/* Is it the CSV that was promised?  Then all that it says is noted; a record that is none ends it. */
static bool
read_rows(struct list *l, char *text)
{
	const struct connector_bulk *b = &l->connector->bulk[l->kind];
	struct reader r = {.at = text};
	int key, code;

	/* a target without such rows may say nothing at all */
	if (*text == '\0')
		return true;
	if (!next_record(&r) || (key = column_of(&r, b->key)) < 0)
		return false;
	code = column_of(&r, b->code);
	while (next_record(&r)) {
		if ((size_t) key >= r.count)
			return false;
		put_key(l, r.cell[key], code >= 0 && (size_t) code < r.count ? r.cell[code] : NULL);
	}
	return *r.at == '\0';
}

bool
connector_read_list(const struct connector *c, enum connector_kind kind, enum connector_step step,
                    const struct json *const *objects, size_t count, const struct connector_answer *answer,
                    bool *seen, struct connector_row *rows, bool *ret_gone, struct connector_verdict *ret)
{
	struct list l = {c, kind, step, NULL, count, seen, rows, ret};
	struct named *names;
	char *text;
	bool good;

	connector_judge_whole(c, answer, ret);
	*ret_gone = is_gone(answer->status);
	if (ret->result != CONNECTOR_DELIVERED || *ret_gone)
		return false;
	text = answer->body != NULL && strlen(answer->body) == answer->length ? strdup(answer->body) : NULL;
	l.names = names = text != NULL ? sort_keys(kind, objects, count) : NULL;
	good = names != NULL && read_rows(&l, text);
	if (!good)
		not_promised(ret);
	free(names);
	free(text);
	return good;
}
