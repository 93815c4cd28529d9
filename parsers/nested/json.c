/* JSON and JSON Lines: tokens from json_reader, paths by walk. */
#include "parsers/assemble/assemble.h"
#include "parsers/nested/json_reader.h"
#include "parsers/nested/walk.h"

/* The names that paths use, each at one address. */
struct names {
	struct slice *list;
	size_t count, room; /* room: a power of two, at least twice the count */
};

/* Where values stand: in an object, or in the array of a name. */
struct context {
	bool array;
	const void *name; /* array: of its elements */
};

struct json {
	const struct layout *layout;
	struct assemble *assemble;
	struct walk *walk;
	struct json_reader *reader;
	struct names names;
	struct context *context; /* of each open object or array */
	uint32_t depth;
	const void *key; /* of the member whose value comes next */
	char *key_text;  /* its text, where some field is a key; NULL: none is */
	uint32_t key_len;
	uint64_t offset; /* of the token */
};

/* ---- names ---- */

static const char nobody[] = ""; /* the address of every name that no path uses */

static size_t
hash(const char *data, size_t len)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char) data[i]) * 16777619U;
	return h;
}

/* Where a name is, or would be. */
static struct slice *
find(const struct names *n, const char *data, size_t len)
{
	for (size_t i = hash(data, len);; i++) {
		struct slice *s = &n->list[i & (n->room - 1)];
		if (s->data == NULL || (s->len == len && memcmp(s->data, data, len) == 0))
			return s;
	}
}

static bool
grow(struct names *n)
{
	struct names larger = {.count = n->count, .room = n->room == 0 ? 64 : 2 * n->room};

	larger.list = calloc(larger.room, sizeof(*larger.list));
	if (larger.list == NULL)
		return false;
	for (size_t i = 0; i < n->room; i++)
		if (n->list[i].data != NULL)
			*find(&larger, n->list[i].data, n->list[i].len) = n->list[i];
	free(n->list);
	*n = larger;
	return true;
}

/* The profile's own texts outlive us: their addresses serve. */
static const void *
intern(void *context, const char *name)
{
	struct names *n = &((struct json *) context)->names;
	struct slice *at;

	if (2 * (n->count + 1) > n->room && !grow(n))
		return NULL;
	at = find(n, name, strlen(name));
	if (at->data == NULL) {
		*at = (struct slice){name, (uint32_t) strlen(name)};
		n->count++;
	}
	return at->data;
}

static const void *
look_up(const struct names *n, struct slice name)
{
	const struct slice *at;

	if (n->room == 0)
		return nobody;
	at = find(n, name.data, name.len);
	return at->data == NULL ? nobody : at->data;
}

/* ---- tokens ---- */

static const struct context *
top(const struct json *j)
{
	return j->depth == 0 ? NULL : &j->context[j->depth - 1];
}

static void
push(struct json *j, bool array, const void *name)
{
	j->context[j->depth++] = (struct context){array, name};
}

static uint64_t
token_offset(void *context)
{
	const struct json *j = context;
	return j->offset;
}

/* The key of the object that is entered; what stands in an array, or alone, has none. */
static bool
record_key(void *context, const void *name, struct slice *ret_value, uint64_t *ret_offset)
{
	const struct json *j = context;
	const struct context *in = top(j);

	(void) name;
	if (in == NULL || in->array)
		return false;
	*ret_value = (struct slice){j->key_text, j->key_len};
	*ret_offset = j->offset; /* of the object: a record's fields stand within it */
	return true;
}

static bool
some_field_is_a_key(const struct layout *l)
{
	for (uint16_t t = 0; t < l->types; t++)
		for (uint16_t f = 0; f < l->type[t].fields; f++)
			if (l->type[t].field[f].path.attribute != NULL)
				return true;
	return false;
}

/* The reader has a key until the next token; its own limit bounds it. */
static void
keep_key(struct json *j, const struct json_token *t)
{
	memcpy(j->key_text, t->text.data, t->text.len);
	j->key_len = t->text.len;
}

static int
on_object(struct json *j)
{
	const struct context *in = top(j);
	int rc;

	if (in == NULL)
		rc = walk_enter_root(j->walk);
	else if (in->array)
		rc = walk_enter(j->walk, in->name, NULL, true);
	else
		rc = walk_enter(j->walk, j->key, NULL, false);
	push(j, false, NULL);
	return rc;
}

static int
on_array(struct json *j, uint64_t offset)
{
	const struct context *in = top(j);
	const void *name = in == NULL ? nobody : in->array ? in->name : j->key;
	int rc = walk_array(j->walk, name, in != NULL && in->array, offset);

	push(j, true, in != NULL && in->array ? nobody : name);
	return rc;
}

static int
on_scalar(struct json *j, const struct json_token *t)
{
	static const struct slice yes = {"true", 4}, no = {"false", 5}, null = {NULL, 0};
	const struct context *in = top(j);
	struct slice value = t->text;
	uint64_t offset = t->offset;

	if (t->event == JSON_TRUE || t->event == JSON_FALSE)
		value = t->event == JSON_TRUE ? yes : no;
	else if (t->event == JSON_NULL)
		value = null;
	else if (t->event == JSON_STRING)
		offset++; /* behind the quote */
	if (value.data == NULL && t->event != JSON_NULL)
		value.data = "";
	if (in == NULL) {
		(void) assemble_refuse(j->assemble, "wrong_type", NULL, value, walk_number(j->walk), offset,
		                       "a single value where an object or an array was expected");
		return -1;
	}
	return walk_scalar(j->walk, in->array ? in->name : j->key, in->array, value, offset);
}

static int
on_token(struct json *j, const struct json_token *t)
{
	j->offset = t->offset;
	switch (t->event) {
	case JSON_OBJECT:
		return on_object(j);
	case JSON_OBJECT_END:
		j->depth--;
		return walk_leave(j->walk, t->end);
	case JSON_ARRAY:
		return on_array(j, t->offset);
	case JSON_ARRAY_END:
		j->depth--;
		return 0;
	case JSON_KEY:
		j->key = look_up(&j->names, t->text);
		if (j->key_text != NULL && t->text.len > 0)
			keep_key(j, t);
		else
			j->key_len = 0;
		return 0;
	case JSON_STRING:
	case JSON_NUMBER:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		return on_scalar(j, t);
	}
	return -1;
}

/* ---- the format ---- */

static int
run(struct json *j, struct input *in)
{
	const struct json_error *error;
	struct json_token t;
	int rc;

	while ((rc = json_reader_next(j->reader, &t)) == 1)
		if (on_token(j, &t) != 0)
			return -1;
	if (rc == 0) {
		/* a line is whole by its end, but nothing says that it was the last */
		if (j->layout->format == FORMAT_JSON)
			assemble_whole(j->assemble);
		return 0;
	}
	if (in->rule != NULL)
		return -1;
	if (json_reader_bytes(j->reader) == assemble_start(j->assemble).offset)
		return 0; /* assemble_finish says that it is empty */
	error = json_reader_why(j->reader);
	return assemble_refuse(j->assemble, error->rule, NULL, (struct slice){NULL, 0}, walk_number(j->walk),
	                       error->offset, "%s", error->message);
}

static int
parse(const struct layout *layout, struct input *in, struct assemble *a, uint64_t *ret_bytes)
{
	struct json j = {.layout = layout, .assemble = a};
	const struct walk_source source = {&j, intern, token_offset, record_key, true};
	const struct json_limits limits = {.depth = layout->limits.depth,
	                                   .text_bytes = layout->limits.field_bytes,
	                                   .keys = layout->limits.columns,
	                                   .start = assemble_start(a).offset,
	                                   .lines = layout->format == FORMAT_JSON_LINES,
	                                   .last_newline = layout->framing.last_newline_required,
	                                   .bom = layout->framing.bom};
	int rc = -1;

	j.walk = walk_new(layout, a, &source);
	j.reader = json_reader_new(in, &limits);
	j.context = calloc(limits.depth + 1U, sizeof(*j.context));
	j.key_text = some_field_is_a_key(layout) ? malloc(limits.text_bytes + 1U) : NULL;
	if (j.walk == NULL || j.reader == NULL || j.context == NULL ||
	    (j.key_text == NULL && some_field_is_a_key(layout))) {
		in->failed = 1;
		in->rule = "memory";
		in->why = "out of memory";
	} else {
		rc = run(&j, in);
	}
	if (j.reader != NULL)
		*ret_bytes = json_reader_bytes(j.reader);
	walk_free(j.walk);
	json_reader_free(j.reader);
	free(j.context);
	free(j.key_text);
	free(j.names.list);
	return rc;
}

static int
prepare(const struct layout *layout, const char **ret_why)
{
	if (strcmp(layout->encoding, "UTF-8") == 0 || strcmp(layout->encoding, "ASCII") == 0)
		return 0;
	*ret_why = "encoding: JSON is UTF-8 (RFC 8259, section 8.1)";
	return -1;
}

const struct format json_format = {.name = "json", .parse = parse, .prepare = prepare};
