/* What the connector says of answers: statuses, codes, and where each row's own result stands. */
#include <string.h>

#include "lib/connector/connector_internal.h"

#define LIMIT_PAUSE_MS 900000 /* over four fifths of a limit: the rest is for others */

static const char *const results[CONNECTOR_RESULTS + 1] = {"delivered", "retry", "held", "stop", NULL};

/* What statuses mean without a word of the connector: a redirect is not followed, and whoever is refused by
 * name stays it until a person has seen to it. */
static enum connector_result
common_result(int status)
{
	static const int retries[] = {408, 425, 429}, stops[] = {401, 403, 404, 405, 407, 410, 501, 505};

	for (size_t i = 0; i < sizeof(retries) / sizeof(retries[0]); i++)
		if (status == retries[i])
			return CONNECTOR_RETRY;
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		if (status == stops[i])
			return CONNECTOR_STOP;
	if (status >= 200 && status < 300)
		return CONNECTOR_DELIVERED;
	if (status >= 300 && status < 400)
		return CONNECTOR_STOP;
	return status >= 400 && status < 500 ? CONNECTOR_HELD : CONNECTOR_RETRY;
}

/* The first and the last status of "404" or "5xx". */
static bool
read_status(const char *text, int *ret_first, int *ret_last)
{
	if (strlen(text) != 3 || text[0] < '1' || text[0] > '5')
		return false;
	*ret_first = (text[0] - '0') * 100;
	*ret_last = *ret_first + 99;
	if (strcmp(text + 1, "xx") == 0)
		return true;
	if (strspn(text + 1, "0123456789") != 2)
		return false;
	*ret_first = *ret_last = *ret_first + (text[1] - '0') * 10 + (text[2] - '0');
	return true;
}

/* One status of a list; whole classes first, so that what is named alone counts. */
static void
take_status(struct connector *c, const struct yaml_node *n, enum connector_result result, bool classes,
            bool named[600], struct problems *p)
{
	int first, last;

	if (n->kind != YAML_SCALAR || !read_status(n->text, &first, &last)) {
		if (classes)
			yaml_error(p, n, "a status is 100 to 599, or 2xx, 4xx, 5xx");
		return;
	}
	if ((first != last) != classes)
		return;
	if (result == CONNECTOR_DELIVERED && (first < 200 || first / 100 == 3 || first / 100 == 5))
		yaml_error(p, n, "%s never means that it was taken", n->text);
	if (named[first] && !classes)
		yaml_error(p, n, "%s has its meaning already", n->text);
	for (int status = first; status <= last; status++)
		c->rules.status[status] = (unsigned char) result;
	named[first] = !classes;
}

static void
compile_statuses(struct connector *c, struct yaml_node *n, struct problems *p)
{
	bool named[600] = {false};

	for (int status = 0; status < 600; status++)
		c->rules.status[status] = (unsigned char) common_result(status);
	if (n == NULL)
		return;
	if (n->kind != YAML_MAP) {
		yaml_error(p, n, "a map of delivered, retry, held, stop is required");
		return;
	}
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < CONNECTOR_RESULTS; i++) {
			struct yaml_node *list = yaml_get(n, results[i]);

			if (list != NULL && list->kind != YAML_LIST && round == 0)
				yaml_error(p, list, "a list of statuses is required");
			for (struct yaml_node *item = list != NULL ? list->first : NULL; item != NULL; item = item->next)
				take_status(c, item, (enum connector_result) i, round == 0, named, p);
		}
	yaml_unknown_keys(p, n, results);
}

/* ---- codes ---- */

bool
connector_is_text_list(struct problems *p, const struct yaml_node *n)
{
	bool good = n->kind == YAML_LIST && n->first != NULL;

	for (const struct yaml_node *item = n->first; good && item != NULL; item = item->next)
		good =
		    item->kind == YAML_SCALAR && item->text[0] != '\0' && strlen(item->text) <= CONNECTOR_CODE_BYTES;
	if (!good)
		yaml_error(p, n, "a list of words is required");
	return good;
}

static void
compile_words(const struct yaml_node *ret[CONNECTOR_RESULTS], struct yaml_node *n, struct problems *p)
{
	if (n == NULL)
		return;
	if (n->kind != YAML_MAP) {
		yaml_error(p, n, "a map of delivered, retry, held, stop is required");
		return;
	}
	for (int i = 0; i < CONNECTOR_RESULTS; i++) {
		struct yaml_node *list = yaml_get(n, results[i]);

		if (list == NULL || !connector_is_text_list(p, list))
			continue;
		for (const struct yaml_node *item = list->first; item != NULL; item = item->next)
			for (int other = 0; other < i; other++)
				for (const struct yaml_node *had = ret[other] != NULL ? ret[other]->first : NULL; had != NULL;
				     had = had->next)
					if (strcmp(had->text, item->text) == 0)
						yaml_error(p, item, "%s has its meaning already", item->text);
		ret[i] = list;
	}
	yaml_unknown_keys(p, n, results);
}

/* ---- paths ---- */

/* Names and places of lists, joined by dots. */
void
connector_take_path(struct problems *p, struct yaml_node *map, const char *key, const char **ret)
{
	struct yaml_node *n = yaml_get(map, key);
	bool good = true;

	if (n == NULL || !yaml_text(p, n, ret))
		return;
	for (const char *s = *ret; good && *s != '\0'; s++)
		good = *s > ' ' && *s < 0x7f && (*s != '.' || (s != *ret && s[1] != '.' && s[1] != '\0'));
	if (!good || strlen(*ret) > 200)
		yaml_error(p, n, "a path is of names and places of lists with dots between, as errors.0.code");
}

/* Of a batch each object is known by it. */
static void
check_ours(const struct connector *c, enum connector_kind kind, const struct yaml_node *ours,
           struct problems *p)
{
	static const char *const redemption[] = {"reference", "outbound_reference", NULL};
	static const char *const balance[] = {"member", NULL}, *const log[] = {"id", NULL};
	static const char *const *const keys[CONNECTOR_KINDS] = {redemption, balance, log};

	if (c->object[kind].url == NULL)
		return;
	if (!connector_has_field(kind, ours->text))
		yaml_error(p, ours, "a %s has no field %s", connector_kinds[kind], ours->text);
	else if (c->batch > 1 && connector_word(keys[kind], ours->text) < 0)
		yaml_error(p, ours, "several %ss of a batch may have the same %s: none is known by it",
		           connector_kinds[kind], ours->text);
}

static void
compile_rows(struct connector *c, struct yaml_node *n, struct problems *p)
{
	static const char *const known[] = {"list", "failed", "result", "delivered", "status",
	                                    "code", "index",  "key",    "ours",      NULL};
	struct connector_rows *rows = &c->rules.rows;
	struct yaml_node *delivered, *ours;

	if (n == NULL)
		return;
	if (n->kind != YAML_MAP) {
		yaml_error(p, n, "a map that says where each row's result stands is required");
		return;
	}
	rows->there = true;
	connector_take_path(p, n, "list", &rows->list);
	connector_take_path(p, n, "failed", &rows->failed);
	connector_take_path(p, n, "result", &rows->result);
	connector_take_path(p, n, "status", &rows->status);
	connector_take_path(p, n, "code", &rows->code);
	connector_take_path(p, n, "index", &rows->index);
	connector_take_path(p, n, "key", &rows->key);
	delivered = yaml_get(n, "delivered");
	if (delivered != NULL && connector_is_text_list(p, delivered))
		rows->delivered = delivered;
	if ((rows->result != NULL) != (delivered != NULL))
		yaml_error(p, n,
		           "result and delivered go together: where it stands, and what it is when it was taken");
	if (rows->failed != NULL && rows->key == NULL)
		yaml_error(p, n, "failed needs key: rows of two lists are not known by their place");
	if (rows->result == NULL && rows->failed == NULL)
		yaml_error(p, n, "result or failed is required: that a row is named does not mean that it was taken");
	if (rows->index != NULL && rows->key != NULL)
		yaml_error(p, n, "index or key, not both");
	ours = yaml_get(n, "ours");
	if (ours != NULL && yaml_text(p, ours, &rows->ours))
		for (int kind = 0; kind < CONNECTOR_KINDS; kind++)
			check_ours(c, (enum connector_kind) kind, ours, p);
	if (ours != NULL && rows->key == NULL)
		yaml_error(p, ours, "it is the field of ours that key is: key is missing");
	yaml_unknown_keys(p, n, known);
}

/* ---- the whole ---- */

static void
take_header(struct yaml_node *n, const char **ret, struct problems *p)
{
	if (yaml_text(p, n, ret) && !connector_is_token(*ret))
		yaml_error(p, n, "no header has such a name");
}

static void
take_wait(struct yaml_node *n, int64_t *ret_ms, struct problems *p)
{
	if (n != NULL && yaml_duration_ms(p, n, ret_ms) &&
	    (*ret_ms < 1000 || *ret_ms > CONNECTOR_WAIT_S * INT64_C(1000)))
		yaml_error(p, n, "from 1s to 1d");
}

static void
compile_limit(struct connector *c, struct yaml_node *n, struct problems *p)
{
	static const char *const known[] = {"header", "begins", "remaining", "pause", NULL};
	struct yaml_node *header, *begins, *remaining;

	if (n == NULL)
		return;
	header = n->kind == YAML_MAP ? yaml_get(n, "header") : NULL;
	if (header == NULL) {
		yaml_error(p, n, "a map with the header that tells the limit is required");
		return;
	}
	take_header(header, &c->rules.limit_header, p);
	begins = yaml_get(n, "begins");
	if (begins != NULL)
		yaml_text(p, begins, &c->rules.limit_begins);
	remaining = yaml_get(n, "remaining");
	if (remaining != NULL)
		take_header(remaining, &c->rules.limit_remaining, p);
	if (begins != NULL && remaining != NULL)
		yaml_error(p, begins, "one header tells what is used of the limit, or another what remains");
	take_wait(yaml_get(n, "pause"), &c->rules.limit_pause_ms, p);
	yaml_unknown_keys(p, n, known);
}

void
connector_compile_answer(struct connector *c, struct problems *p)
{
	static const char *const known[] = {"status", "code", "codes", "words", "rows", "limit", "wait", NULL};
	struct yaml_node *answer = yaml_get(c->tree, "answer");

	if (answer != NULL && answer->kind != YAML_MAP) {
		yaml_error(p, answer, "a map is required");
		return;
	}
	c->rules.limit_pause_ms = LIMIT_PAUSE_MS;
	compile_statuses(c, answer != NULL ? yaml_get(answer, "status") : NULL, p);
	/* without it nobody would see a row that failed within a 200 */
	if (c->batch > 1 && (answer == NULL || yaml_get(answer, "rows") == NULL))
		yaml_error(p, answer != NULL ? answer : c->tree,
		           "a batch of more than one has answer.rows: where each row's own result stands");
	if (answer == NULL)
		return;
	connector_take_path(p, answer, "code", &c->rules.code);
	compile_words(c->rules.codes, yaml_get(answer, "codes"), p);
	compile_words(c->rules.words, yaml_get(answer, "words"), p);
	compile_rows(c, yaml_get(answer, "rows"), p);
	compile_limit(c, yaml_get(answer, "limit"), p);
	take_wait(yaml_get(answer, "wait"), &c->rules.wait_ms, p);
	yaml_unknown_keys(p, answer, known);
}
