/* What a partner's answer to a points request means.  Its bytes are hostile: whatever is not what the
 * connector promises leaves open what became of the request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/connector/connector_internal.h"
#include "lib/json/json.h"

struct answered {
	const struct connector_points *points;
	const struct connector_points_answer *rules;
	const struct json *object;
	struct points_verdict *verdict;
};

static void
say(struct answered *a, enum points_result result, const char *why)
{
	a->verdict->result = result;
	snprintf(a->verdict->why, sizeof(a->verdict->why), "%s", why);
}

static const char *
text_at(const struct json *value, const char *path, char buf[JSON_PLAIN_SIZE])
{
	return path != NULL ? json_plain(connector_at_path(value, path), buf) : NULL;
}

static enum points_result
of_word(const struct yaml_node *const words[POINTS_RESULTS], const char *word)
{
	for (int i = 0; word != NULL && i < POINTS_RESULTS; i++)
		for (const struct yaml_node *n = words[i] != NULL ? words[i]->first : NULL; n != NULL; n = n->next)
			if (strcmp(n->text, word) == 0)
				return (enum points_result) i;
	return POINTS_UNKNOWN;
}

static struct json *
parse(const struct connector_answer *answer)
{
	bool is_text = answer->body != NULL && strlen(answer->body) == answer->length;

	return is_text ? json_parse(answer->body) : NULL;
}

/* ---- one row ---- */

/* Is what it says of itself ours, and the points those that were asked for?  must: it has to say them. */
static void
compare(struct answered *a, const struct json *theirs, bool must)
{
	char buf[JSON_PLAIN_SIZE], mine[JSON_PLAIN_SIZE];
	const char *key = text_at(theirs, a->rules->ours, buf),
	           *ours = json_string_of(a->object, a->points->known_by);
	const char *stated =
	    a->rules->points != NULL ? json_plain_whole(connector_at_path(theirs, a->rules->points), mine) : NULL;
	char due[JSON_PLAIN_SIZE];

	if (a->rules->ours != NULL && (key == NULL ? must : ours == NULL || strcmp(key, ours) != 0)) {
		say(a, POINTS_UNKNOWN, "its answer is of another request");
		return;
	}
	if (a->rules->points == NULL || (stated == NULL && !must))
		return;
	snprintf(due, sizeof(due), "%lld", (long long) json_int_of(a->object, "points"));
	if (stated == NULL) {
		say(a, POINTS_UNKNOWN, "its answer does not say how many points");
	} else if (strcmp(stated, due) != 0) {
		say(a, POINTS_DIFFERS, "its answer has other points");
		if (!text_int(stated, INT64_MIN, INT64_MAX, &a->verdict->points))
			a->verdict->points = 0;
	}
}

/* What its words, or without them its status, say. */
static void
judge_row(struct answered *a, const struct json *theirs, int status)
{
	char one[JSON_PLAIN_SIZE], two[JSON_PLAIN_SIZE], three[JSON_PLAIN_SIZE];
	const char *code = text_at(theirs, a->rules->code, one),
	           *state = status / 100 == 2 ? text_at(theirs, a->rules->state, two) : NULL,
	           *reference = text_at(theirs, a->rules->reference, three);
	enum points_result by_code = of_word(a->rules->codes, code), by_state = of_word(a->rules->states, state),
	                   result = (enum points_result) a->rules->status[status];

	if (status / 100 == 2 && a->rules->state != NULL)
		result = by_state;
	if (by_code != POINTS_UNKNOWN && state != NULL && by_state != by_code)
		result = POINTS_UNKNOWN; /* the one says so, the other not */
	else if (by_code != POINTS_UNKNOWN)
		result = by_code;
	if (reference != NULL && strlen(reference) <= CONNECTOR_PARTNER_REFERENCE_BYTES)
		text_display(a->verdict->reference, sizeof(a->verdict->reference), reference, strlen(reference));
	a->verdict->result = result;
	if (result == POINTS_CREDITED || result == POINTS_PENDING || result == POINTS_REJECTED)
		compare(a, theirs, result == POINTS_CREDITED);
	if (a->verdict->why[0] != '\0' || result == POINTS_CREDITED)
		return;
	char shown[CONNECTOR_CODE_BYTES + 1] = "";

	if (code != NULL || state != NULL)
		text_display(shown, sizeof(shown), code != NULL ? code : state, strlen(code != NULL ? code : state));
	snprintf(a->verdict->why, sizeof(a->verdict->why), "HTTP %d%s%s", status, shown[0] != '\0' ? " " : "",
	         shown);
}

/* ---- lists ---- */

static void
judge_list(struct answered *a, const struct json *body, const struct json *list, int status)
{
	const char *ours = json_string_of(a->object, a->points->known_by);
	const struct json *mine = NULL, *more = connector_at_path(body, a->points->more);
	char buf[JSON_PLAIN_SIZE];
	const char *rest;
	size_t found = 0;

	for (size_t i = 0; i < json_count(list); i++) {
		const char *key = text_at(json_item(list, i), a->points->key, buf);

		if (key == NULL || ours == NULL || strcmp(key, ours) != 0)
			continue;
		mine = json_item(list, i);
		found++;
	}
	rest = a->points->more != NULL ? json_plain(more, buf) : NULL;
	if (found > 1)
		say(a, POINTS_DIFFERS, "it is there twice");
	else if (found == 1)
		judge_row(a, mine, status);
	else if (a->points->more != NULL && more != NULL &&
	         (rest == NULL ? json_is_map(more) || json_is_list(more)
	                       : rest[0] != '\0' && strcmp(rest, "false") != 0))
		say(a, POINTS_UNKNOWN, "its answer is a part: there is more");
	else
		say(a, POINTS_MISSING, "it is not there");
}

/* ---- the whole ---- */

void
connector_judge_points(const struct connector *c, enum points_step step, const struct json *object,
                       const struct connector_answer *answer, struct points_verdict *ret)
{
	struct answered a = {&c->points, &c->points.answer[step], object, ret};
	int status = answer->status >= 100 && answer->status < 600 ? answer->status : 0;
	struct json *body = status / 100 == 2 || status / 100 == 4 ? parse(answer) : NULL;
	bool lists = step == POINTS_ASK && c->points.list != NULL && status / 100 == 2;

	*ret = (struct points_verdict){.result = POINTS_UNKNOWN};
	ret->wait_s = connector_retry_after(answer->retry_after, answer->now_s);
	if (lists && json_is_list(connector_at_path(body, c->points.list)))
		judge_list(&a, body, connector_at_path(body, c->points.list), status);
	else if (lists || (status / 100 == 2 && c->points.answer[step].state != NULL && !json_is_map(body)))
		say(&a, POINTS_UNKNOWN, "its answer is not what was promised");
	else
		judge_row(&a, body, status);
	json_free(body);
}

char *
connector_points_first(const struct connector *c, const struct connector_answer *answer,
                       const struct points_verdict *verdict)
{
	struct json *body = answer->status / 100 == 2 ? parse(answer) : NULL;
	char buf[JSON_PLAIN_SIZE], *copy = NULL;
	const char *value = text_at(body, c->points.value, buf);
	bool good = c->points.answer[POINTS_FIRST].state == NULL || verdict->result == POINTS_CREDITED;

	if (good && value != NULL && value[0] != '\0' && strlen(value) <= CONNECTOR_VALUE_BYTES)
		copy = strdup(value);
	json_free(body);
	return copy;
}
