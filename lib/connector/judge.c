/* What a target's answer means.  Its bytes are hostile: whatever is not what the connector promises is no
 * delivery. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/text.h"
#include "lib/connector/connector_internal.h"
#include "lib/json/json.h"

const struct json *
connector_at_path(const struct json *value, const char *path)
{
	char name[201];

	while (path != NULL && *path != '\0' && value != NULL) {
		size_t len = strcspn(path, ".");
		int64_t place;

		snprintf(name, sizeof(name), "%.*s", (int) len, path);
		if (json_is_list(value) && text_int(name, 0, 100000, &place))
			value = json_item(value, (size_t) place);
		else
			value = json_get(value, name);
		path += len + (path[len] == '.');
	}
	return value;
}

static const char *
text_at(const struct json *value, const char *path, char buf[JSON_PLAIN_SIZE])
{
	return path != NULL ? json_plain(connector_at_path(value, path), buf) : NULL;
}

bool
connector_is_word_of(const struct yaml_node *list, const char *word)
{
	for (const struct yaml_node *n = list != NULL ? list->first : NULL; n != NULL; n = n->next)
		if (strcmp(n->text, word) == 0)
			return true;
	return false;
}

/* What the connector says of a code; -1: nothing. */
static int
of_code(const struct connector_rules *rules, const char *code)
{
	for (int i = 0; code != NULL && i < CONNECTOR_RESULTS; i++)
		if (connector_is_word_of(rules->codes[i], code))
			return i;
	return -1;
}

int
connector_result_of(const struct connector *c, const char *code)
{
	return of_code(&c->rules, code);
}

/* ---- rows ---- */

const char *const connector_keys[CONNECTOR_KINDS] = {"reference", "member", "id"};

struct judged {
	const struct connector *connector;
	enum connector_kind kind;
	const struct json *const *objects;
	size_t count;
	struct connector_row *rows;
	bool *seen; /* each row that has had its result */
	struct connector_verdict *verdict;
};

/* A row of theirs alone. */
static void
judge_row(const struct connector_rules *rules, const struct json *theirs, bool failed,
          struct connector_row *ret)
{
	char buf[JSON_PLAIN_SIZE], more[JSON_PLAIN_SIZE];
	const char *result = text_at(theirs, rules->rows.result, buf);
	const char *code = text_at(theirs, rules->rows.code, more);
	int64_t status = 0;
	int said = of_code(rules, code);

	ret->code[0] = '\0';
	if (code != NULL)
		text_display(ret->code, sizeof(ret->code), code, strlen(code));
	if (!failed && rules->rows.result == NULL) {
		ret->result = CONNECTOR_DELIVERED; /* it stands in the list of those that were taken */
		return;
	}
	if (!failed && result != NULL && connector_is_word_of(rules->rows.delivered, result)) {
		ret->result = CONNECTOR_DELIVERED;
		return;
	}
	if (text_at(theirs, rules->rows.status, buf) == NULL ||
	    !text_int(text_at(theirs, rules->rows.status, buf), 100, 599, &status))
		status = 0;
	ret->status = (int) status;
	if (said >= 0)
		ret->result = (enum connector_result) said;
	else if (!failed && result == NULL)
		ret->result = CONNECTOR_RETRY; /* not what was promised */
	else if (status == 0)
		ret->result = CONNECTOR_HELD;
	else if (rules->status[status] == CONNECTOR_DELIVERED)
		ret->result = CONNECTOR_RETRY; /* the one says so, the other not */
	else
		ret->result = (enum connector_result) rules->status[status];
}

/* The worse of what was said of one object counts. */
static void
put_row(struct judged *j, size_t place, const struct connector_row *row)
{
	struct connector_row *mine = &j->rows[place];

	if (j->seen[place] && row->result <= mine->result)
		return;
	j->seen[place] = true;
	*mine = *row;
	if (row->result != CONNECTOR_STOP)
		return;
	/* a person has to see to the target; the object itself is as it was */
	mine->result = CONNECTOR_RETRY;
	j->verdict->result = CONNECTOR_STOP;
	snprintf(j->verdict->why, sizeof(j->verdict->why), "%s", row->code);
}

/* UUIDs come back in either case. */
bool
connector_is_key(enum connector_kind kind, const char *field, const char *ours, const char *theirs)
{
	if (strcmp(field, kind == CONNECTOR_LOG ? "id" : "reference") == 0)
		return strcasecmp(ours, theirs) == 0;
	return strcmp(ours, theirs) == 0;
}

/* Whose row this is; where two have the key, nobody's: one may be taken and the other not. */
static void
put_by_key(struct judged *j, const struct json *theirs, const struct connector_row *row)
{
	const struct connector_rows *r = &j->connector->rules.rows;
	char buf[JSON_PLAIN_SIZE], mine[JSON_PLAIN_SIZE];
	const char *key = text_at(theirs, r->key, buf),
	           *field = r->ours != NULL ? r->ours : connector_keys[j->kind];
	size_t found = 0, place = 0;

	for (size_t i = 0; key != NULL && i < j->count; i++) {
		const char *ours = json_plain(json_get(j->objects[i], field), mine);

		if (ours != NULL && connector_is_key(j->kind, field, ours, key)) {
			found++;
			place = i;
		}
	}
	if (found == 1)
		put_row(j, place, row);
}

/* Are there the results that were asked for?  By place one too few would be believed of the wrong rows. */
static bool
are_in_place(const struct judged *j, const struct json *list)
{
	const struct connector_rows *r = &j->connector->rules.rows;
	char buf[JSON_PLAIN_SIZE];
	int64_t place;

	if (r->key != NULL)
		return true;
	if (r->index == NULL)
		return json_count(list) == j->count;
	for (size_t i = 0; i < json_count(list); i++) {
		const char *index = text_at(json_item(list, i), r->index, buf);

		if (index == NULL || !text_int(index, 0, (int64_t) j->count - 1, &place))
			return false;
	}
	return true;
}

static void
judge_list(struct judged *j, const struct json *list, bool failed)
{
	const struct connector_rules *rules = &j->connector->rules;

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *theirs = json_item(list, i);
		char buf[JSON_PLAIN_SIZE];
		const char *index = text_at(theirs, rules->rows.index, buf);
		struct connector_row row = {0};
		int64_t place = (int64_t) i;

		judge_row(rules, theirs, failed, &row);
		if (rules->rows.key != NULL)
			put_by_key(j, theirs, &row);
		else if (index == NULL || text_int(index, 0, (int64_t) j->count - 1, &place))
			put_row(j, (size_t) place, &row);
	}
}

/* An answer of 2xx without rows: it may refuse all by a code that the connector knows.  Taken it has nothing. */
static void
judge_no_rows(const struct judged *j, const struct json *body)
{
	char buf[JSON_PLAIN_SIZE];
	const char *code = text_at(body, j->connector->rules.code, buf);
	int said = of_code(&j->connector->rules, code);

	j->verdict->result = said > CONNECTOR_DELIVERED ? (enum connector_result) said : CONNECTOR_RETRY;
	if (said > CONNECTOR_DELIVERED)
		text_display(j->verdict->why, CONNECTOR_CODE_BYTES + 1, code, strlen(code));
	else
		snprintf(j->verdict->why, sizeof(j->verdict->why), "its answer is not what was promised");
	for (size_t i = 0; i < j->count && said == CONNECTOR_HELD; i++)
		j->rows[i].result = CONNECTOR_HELD;
}

static void
judge_rows(struct judged *j, const struct json *body)
{
	const struct connector_rows *r = &j->connector->rules.rows;
	const struct json *list = connector_at_path(body, r->list),
	                  *failed = r->failed != NULL ? connector_at_path(body, r->failed) : NULL;

	for (size_t i = 0; i < j->count; i++) {
		j->rows[i] = (struct connector_row){.result = CONNECTOR_RETRY};
		snprintf(j->rows[i].code, sizeof(j->rows[i].code), "no result");
	}
	if (!json_is_list(list) && !json_is_list(failed)) {
		judge_no_rows(j, body);
		return;
	}
	if (!are_in_place(j, list))
		return;
	judge_list(j, list, false);
	judge_list(j, failed, true);
}

/* ---- the whole ---- */

/* The code of an answer that refuses all, and what follows from it. */
static void
judge_refusal(const struct connector_rules *rules, const struct json *body, int status,
              struct connector_verdict *ret)
{
	char buf[JSON_PLAIN_SIZE], shown[CONNECTOR_CODE_BYTES + 1] = "";
	const char *code = text_at(body, rules->code, buf);
	int said = of_code(rules, code);

	if (code != NULL)
		text_display(shown, sizeof(shown), code, strlen(code));
	if (said >= 0)
		ret->result = (enum connector_result) said;
	ret->renew = status == 401;
	snprintf(ret->why, sizeof(ret->why), "HTTP %d%s%s", status, shown[0] != '\0' ? " " : "", shown);
}

/* The first word of a list that stands in the answer; NULL: none does. */
static const char *
word_in(const struct yaml_node *list, const char *body)
{
	for (const struct yaml_node *n = list != NULL ? list->first : NULL; n != NULL; n = n->next)
		if (strstr(body, n->text) != NULL)
			return n->text;
	return NULL;
}

/* What a refusal that is no JSON means by the words in it: the worst of them counts. */
static void
judge_words(const struct connector_rules *rules, const struct connector_answer *answer,
            struct connector_verdict *ret)
{
	static const enum connector_result order[] = {CONNECTOR_STOP, CONNECTOR_HELD, CONNECTOR_RETRY};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const char *word = word_in(rules->words[order[i]], answer->body);

		if (word == NULL)
			continue;
		ret->result = order[i];
		snprintf(ret->why, sizeof(ret->why), "HTTP %d %s", answer->status, word);
		return;
	}
}

void
connector_judge_whole(const struct connector *c, const struct connector_answer *answer,
                      struct connector_verdict *ret)
{
	int status = answer->status >= 100 && answer->status < 600 ? answer->status : 0;
	bool is_text = answer->body != NULL && strlen(answer->body) == answer->length;
	struct json *body;

	*ret = (struct connector_verdict){.result = (enum connector_result) c->rules.status[status]};
	ret->wait_s = connector_retry_after(answer->retry_after, answer->now_s);
	connector_read_limit(&c->rules, answer, ret);
	if (ret->wait_s == 0 && status == 429)
		ret->wait_s = c->rules.wait_ms / 1000;
	if (ret->result == CONNECTOR_DELIVERED)
		return;
	body = is_text ? json_parse(answer->body) : NULL;
	judge_refusal(&c->rules, body, status, ret);
	if (is_text && body == NULL)
		judge_words(&c->rules, answer, ret);
	json_free(body);
}

void
connector_judge(const struct connector *c, enum connector_kind kind, const struct json *const *objects,
                size_t count, const struct connector_answer *answer, struct connector_row *ret_rows,
                struct connector_verdict *ret)
{
	bool seen[CONNECTOR_BATCH_MOST] = {false};
	struct judged j = {c, kind, objects, count, ret_rows, seen, ret};
	int status = answer->status >= 100 && answer->status < 600 ? answer->status : 0;
	bool is_text = answer->body != NULL && strlen(answer->body) == answer->length;
	struct json *body = NULL;

	connector_judge_whole(c, answer, ret);
	/* a fault may come with 200 */
	if (ret->result == CONNECTOR_DELIVERED && c->rules.words[CONNECTOR_DELIVERED] != NULL &&
	    (!is_text || word_in(c->rules.words[CONNECTOR_DELIVERED], answer->body) == NULL)) {
		ret->result = CONNECTOR_RETRY;
		snprintf(ret->why, sizeof(ret->why), "its answer is not what was promised");
		if (is_text)
			judge_words(&c->rules, answer, ret);
	}
	if (c->rules.status[status] == CONNECTOR_DELIVERED && c->rules.rows.there) {
		body = is_text ? json_parse(answer->body) : NULL;
		judge_rows(&j, body);
	}
	for (size_t i = 0; i < count; i++)
		/* an answer that refuses all, or that says nothing of rows */
		if (!c->rules.rows.there || c->rules.status[status] != CONNECTOR_DELIVERED) {
			ret_rows[i] = (struct connector_row){.status = status};
			ret_rows[i].result = ret->result == CONNECTOR_STOP ? CONNECTOR_RETRY : ret->result;
		}
	json_free(body);
}
