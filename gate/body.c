#include "gate/body.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/utf8.h"
#include "parsers/assemble/input.h"
#include "parsers/nested/json_reader.h"

/* ---- values ---- */

/* Anything that has no business in a name: also DEL and the controls above it. */
static bool
has_controls(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char) text[i];

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && i + 1 < len && (unsigned char) text[i + 1] < 0xa0))
			return true;
	}
	return false;
}

bool
body_text_ok(const char *text, size_t most)
{
	size_t len = strlen(text);

	return len > 0 && len <= most && utf8_text_ok(text, len) && !has_controls(text, len);
}

static enum body_fault
take_text(const struct body_field *f, const struct slice *text)
{
	char *copy;

	if (text->len > f->most)
		return BODY_TOO_LONG;
	if (has_controls(text->data, text->len))
		return BODY_FIELD;
	copy = strndup(text->data, text->len);
	if (copy == NULL)
		return BODY_NO_MEMORY;
	memcpy(f->member, &copy, sizeof(copy));
	return BODY_FINE;
}

static enum body_fault
take_integer(const struct body_field *f, const struct slice *text)
{
	char digits[24];

	if (text->len >= sizeof(digits))
		return BODY_FIELD;
	memcpy(digits, text->data, text->len);
	digits[text->len] = '\0';
	return text_int(digits, INT64_MIN, INT64_MAX, f->member) ? BODY_FINE : BODY_FIELD;
}

static enum body_fault
take_value(const struct body_field *f, const struct json_token *t)
{
	bool text = f->kind == BODY_TEXT || (f->kind == BODY_FIGURE && t->event == JSON_STRING);

	if (t->event == JSON_NULL)
		return f->optional ? BODY_FINE : BODY_FIELD;
	if (t->event != (text ? JSON_STRING : JSON_NUMBER))
		return BODY_FIELD;
	return f->kind == BODY_INTEGER ? take_integer(f, &t->text) : take_text(f, &t->text);
}

/* ---- the object ---- */

struct reading {
	struct json_reader *reader;
	const struct body_field *fields;
	size_t count;
	uint64_t seen; /* a bit for each field */
	enum body_fault fault;
	const char *wrong; /* the first field that is */
};

static void
note(struct reading *r, enum body_fault fault, const char *field)
{
	if (r->fault != BODY_FINE || fault == BODY_FINE)
		return;
	r->fault = fault;
	r->wrong = field;
}

/* The field of a key, or NULL. */
static const struct body_field *
field_of(struct reading *r, const struct slice *key)
{
	for (size_t i = 0; i < r->count; i++)
		if (strlen(r->fields[i].name) == key->len && memcmp(r->fields[i].name, key->data, key->len) == 0) {
			r->seen |= UINT64_C(1) << i;
			return &r->fields[i];
		}
	return NULL;
}

/* Reads one whole value: that of the field, or one that nobody asks for (NULL).  False: the JSON is refused.
 */
static bool
read_value(struct reading *r, const struct body_field *field)
{
	struct json_token t;
	int depth = 0;

	do {
		if (json_reader_next(r->reader, &t) <= 0)
			return false;
		if (depth == 0 && field != NULL)
			note(r, take_value(field, &t), field->name);
		if (t.event == JSON_OBJECT || t.event == JSON_ARRAY)
			depth++;
		else if (t.event == JSON_OBJECT_END || t.event == JSON_ARRAY_END)
			depth--;
	} while (depth > 0);
	return true;
}

/* What follows the beginning of an object. */
static bool
read_members(struct reading *r)
{
	struct json_token t;

	while (json_reader_next(r->reader, &t) > 0 && t.event == JSON_KEY)
		if (!read_value(r, field_of(r, &t.text)))
			return false;
	if (t.event != JSON_OBJECT_END)
		return false;
	for (size_t i = 0; i < r->count; i++)
		if ((r->seen & UINT64_C(1) << i) == 0 && !r->fields[i].optional)
			note(r, BODY_FIELD, r->fields[i].name);
	return true;
}

/* False: what it is, is no object. */
static bool
read_object(struct reading *r)
{
	struct json_token t;

	return json_reader_next(r->reader, &t) > 0 && t.event == JSON_OBJECT && read_members(r) &&
	       json_reader_next(r->reader, &t) == 0;
}

enum body_fault
body_read(const void *json, size_t len, const struct body_field *fields, size_t count, const char **ret_field)
{
	static const struct json_limits limits = {
	    .depth = BODY_DEPTH, .text_bytes = BODY_TEXT_BYTES, .keys = BODY_KEYS};
	struct reading r = {.fields = fields, .count = count};
	struct input_memory in;

	if (ret_field != NULL)
		*ret_field = NULL;
	input_memory_init(&in, json, len, 0);
	r.reader = json_reader_new(&in.input, &limits);
	if (r.reader == NULL)
		return BODY_NO_MEMORY;
	if (!read_object(&r))
		r.fault = BODY_NO_OBJECT;
	json_reader_free(r.reader);
	if (ret_field != NULL && r.fault != BODY_NO_OBJECT)
		*ret_field = r.wrong;
	return r.fault;
}

/* The rest of a value whose beginning was read. */
static bool
skip_value(struct reading *r, const struct json_token *begin)
{
	struct json_token t;

	for (int depth = begin->event == JSON_ARRAY; depth > 0;) {
		if (json_reader_next(r->reader, &t) <= 0)
			return false;
		depth += t.event == JSON_OBJECT || t.event == JSON_ARRAY;
		depth -= t.event == JSON_OBJECT_END || t.event == JSON_ARRAY_END;
	}
	return true;
}

enum body_fault
body_read_list(const void *json, size_t len, const struct body_field *fields, size_t count, size_t most,
               void (*row)(void *context, enum body_fault fault, const char *field), void *context)
{
	static const struct json_limits limits = {
	    .depth = BODY_DEPTH, .text_bytes = BODY_TEXT_BYTES, .keys = BODY_KEYS};
	enum body_fault fault = BODY_NO_OBJECT;
	struct input_memory in;
	struct json_token t;
	size_t rows = 0;
	struct reading r = {0};

	input_memory_init(&in, json, len, 0);
	r.reader = json_reader_new(&in.input, &limits);
	if (r.reader == NULL)
		return BODY_NO_MEMORY;
	if (json_reader_next(r.reader, &t) > 0 && t.event == JSON_ARRAY) {
		while (json_reader_next(r.reader, &t) > 0 && t.event != JSON_ARRAY_END && rows < most) {
			r = (struct reading){.reader = r.reader, .fields = fields, .count = count};
			if (t.event != JSON_OBJECT)
				note(&r, BODY_FIELD, NULL);
			if (t.event == JSON_OBJECT ? !read_members(&r) : !skip_value(&r, &t))
				break;
			row(context, r.fault, r.wrong);
			rows++;
		}
		if (t.event == JSON_ARRAY_END)
			fault = rows > 0 && json_reader_next(r.reader, &t) == 0 ? BODY_FINE : BODY_FIELD;
		else if (rows == most)
			fault = BODY_FIELD;
	}
	json_reader_free(r.reader);
	return fault;
}
