/* when, ignore_when, verdict rules: conditions that must all hold. */
#include "lib/base/codes.h"
#include "lib/profile/charset.h"
#include "lib/profile/profile_internal.h"

bool
verdict_mask(const char *word, size_t len, uint64_t *ret)
{
	static const struct {
		const char *word;
		uint64_t mask;
	} masks[] = {
	    {"accepted",
	     1 << VERDICT_ACCEPTED | 1 << VERDICT_ACCEPTED_WITH_CHANGE | 1 << VERDICT_ACCEPTED_WITH_WARNING},
	    {"accepted_plain", 1 << VERDICT_ACCEPTED},
	    {"accepted_with_change", 1 << VERDICT_ACCEPTED_WITH_CHANGE},
	    {"accepted_with_warning", 1 << VERDICT_ACCEPTED_WITH_WARNING},
	    {"rejected", 1 << VERDICT_REJECTED},
	    {"pending", 1 << VERDICT_PENDING},
	};

	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++)
		if (strlen(masks[i].word) == len && memcmp(masks[i].word, word, len) == 0) {
			*ret = masks[i].mask;
			return true;
		}
	return false;
}

/* A literal as it stands in the file: conditions on bytes compare before decoding. */
static struct slice
literal(struct compile *c, const struct yaml_node *n)
{
	const char *encoding = c->layout->encoding;
	size_t len = strlen(n->text), got;
	char *out;

	if (c->layout->format != FORMAT_FIXED || strcmp(encoding, "UTF-8") == 0 || strcmp(encoding, "ASCII") == 0)
		return compile_slice(c, n->text);
	out = compile_alloc(c, 1, 4 * len + 1);
	if (out == NULL || !charset_encode(encoding, n->text, len, out, 4 * len, &got)) {
		yaml_error(c->problems, n, "cannot be written in %s", encoding);
		return (struct slice){NULL, 0};
	}
	return (struct slice){out, (uint32_t) got};
}

static void
values_of(struct compile *c, struct yaml_node *n, struct condition *cond)
{
	size_t count = n->kind == YAML_SCALAR ? 1 : compile_count(n);
	struct yaml_node *at = compile_first(n);

	if (count == 0 || count > UINT16_MAX || n->kind == YAML_MAP) {
		yaml_error(c->problems, n, "must be one value or a list of values");
		return;
	}
	cond->test = TEST_ANY_OF;
	cond->value = compile_alloc(c, count, sizeof(*cond->value));
	for (; cond->value != NULL && at != NULL; at = compile_next(n, at)) {
		if (at->kind != YAML_SCALAR)
			yaml_error(c->problems, at, "must be one value");
		else
			cond->value[cond->values++] =
			    cond->kind == IF_RANGE ? literal(c, at) : compile_slice(c, at->text);
	}
}

/* What must stand there: a value, a list of them, {not: ...}, {is: blank}. */
static void
test_of(struct compile *c, struct yaml_node *n, struct condition *cond)
{
	static const char *const tests[] = {"any_of", "blank", "filled", "digits", NULL};
	struct yaml_node *not_these;

	if (n->kind != YAML_MAP) {
		values_of(c, n, cond);
		return;
	}
	not_these = yaml_get(n, "not");
	if (not_these != NULL) {
		cond->negate = true;
		values_of(c, not_these, cond);
	} else {
		cond->test = (uint8_t) compile_word(c, n, "is", tests, 0);
		if (cond->test == TEST_ANY_OF)
			yaml_error(c->problems, n,
			           "must be a value, a list, {not: values} or {is: blank, filled or digits}");
	}
	compile_known(c, n, "records.*.when.*");
}

/* length: 94, columns: "3-5" */
static void
number_of(struct compile *c, struct yaml_node *n, struct condition *cond)
{
	struct range range;

	if (n->kind != YAML_SCALAR || !compile_range(n->text, &range)) {
		yaml_error(c->problems, n, "must be a number, or two as in 3-5 or 3-");
		return;
	}
	cond->number_min = range.start + 1u;
	cond->number_max = range.len == 0 ? UINT64_MAX : (uint64_t) range.start + range.len;
}

static void
verdict_of(struct compile *c, struct yaml_node *n, struct condition *cond)
{
	struct yaml_node *at = compile_first(n);
	uint64_t mask;

	for (; at != NULL; at = compile_next(n, at)) {
		if (at->kind != YAML_SCALAR || !verdict_mask(at->text, strlen(at->text), &mask))
			yaml_error(c->problems, at, "must be a verdict: accepted, rejected or pending");
		else
			cond->number_min |= mask;
	}
}

static void
field_condition(struct compile *c, struct yaml_node *n, const char *name, struct condition *cond)
{
	cond->kind = IF_FIELD;
	cond->slot = (int16_t) compile_find_slot(c, name);
	if (cond->slot < 0) {
		yaml_error(c->problems, n, "%s: no field has this name", name);
		cond->slot = 0;
	}
	test_of(c, n, cond);
}

/* 2, 2.1, or a column's name.  Where a header names the columns, an entry is told by names: a number would be
 * another column as soon as the partner inserts one. */
static void
column_condition(struct compile *c, struct yaml_node *n, bool entry, struct condition *cond)
{
	char *end;
	unsigned long column = strtoul(n->key, &end, 10), part = 0;
	bool number = *n->key >= '1' && *n->key <= '9';

	cond->kind = IF_COLUMN;
	if (number && *end == '.' && end[1] >= '1' && end[1] <= '9')
		part = strtoul(end + 1, &end, 10);
	if (number && *end == '\0') {
		if (column > LAYOUT_FIELDS || part > LAYOUT_FIELDS)
			yaml_error(c->problems, n, "must be a column from 1 to %d", LAYOUT_FIELDS);
		if (c->layout->delimited.header && entry)
			yaml_error(c->problems, n,
			           "an entry of a file with a header is told by a column's name, not by its number");
		cond->column = (int16_t) ((long) column - 1);
		cond->part = (int16_t) ((int) part - 1);
		return;
	}
	if (!c->layout->delimited.header)
		yaml_error(c->problems, n, "must be a column from 1 to %d, @field, columns or length", LAYOUT_FIELDS);
	cond->column_name = compile_copy(c, n->key);
	cond->named = c->layout->named_conditions++;
}

static void
place_condition(struct compile *c, struct yaml_node *n, bool entry, struct condition *cond)
{
	if (*n->key == '@') {
		field_condition(c, n, n->key + 1, cond);
		return;
	}
	if (strcmp(n->key, "length") == 0 || strcmp(n->key, "columns") == 0) {
		cond->kind = *n->key == 'l' ? IF_LENGTH : IF_COLUMNS;
		number_of(c, n, cond);
		return;
	}
	if (c->layout->format == FORMAT_FIXED) {
		cond->kind = IF_RANGE;
		if (!compile_range(n->key, &cond->range))
			yaml_error(c->problems, n, "must be a place as in 1-2, @field or length");
	} else
		column_condition(c, n, entry, cond);
	test_of(c, n, cond);
}

void
compile_conditions(struct compile *c, struct yaml_node *map, enum condition_keys keys, struct conditions *ret)
{
	size_t count = compile_count(map);

	ret->count = 0;
	if (map == NULL)
		return;
	if (map->kind != YAML_MAP || count > UINT16_MAX) {
		yaml_error(c->problems, map, "must be a map from places to what must stand there");
		return;
	}
	ret->all = compile_alloc(c, count + 1, sizeof(*ret->all));
	for (struct yaml_node *n = map->first; ret->all != NULL && n != NULL; n = n->next) {
		struct condition *cond = &ret->all[ret->count++];

		n->used = true;
		cond->slot = cond->column = cond->part = -1;
		if (keys == KEYS_PLACES || keys == KEYS_PLACES_OF_ENTRY)
			place_condition(c, n, keys == KEYS_PLACES_OF_ENTRY, cond);
		else if (strcmp(n->key, "verdict") == 0) {
			cond->kind = IF_VERDICT;
			verdict_of(c, n, cond);
		} else
			field_condition(c, n, n->key, cond);
	}
}
