#include "lib/json/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"

/* Our values are jansson's, under a name that shows its users nothing of it. */
static json_t *
theirs(struct json *value)
{
	return (json_t *) value;
}

static const json_t *
theirs_const(const struct json *value)
{
	return (const json_t *) value;
}

static struct json *
ours(json_t *value)
{
	return (struct json *) value;
}

/* ---- building ---- */

/* Takes value over, which may be NULL for no memory. */
static void
put(struct json_build *b, const char *key, json_t *value)
{
	json_t *into = b->depth > 0 ? theirs(b->open[b->depth - 1]) : NULL;
	bool good = value != NULL;

	if (into == NULL && good)
		b->done = ours(value);
	else if (json_is_object(into))
		good = json_object_set_new_nocheck(into, key, value) == 0;
	else
		good = json_array_append_new(into, value) == 0;
	b->failed |= !good;
}

static void
open_value(struct json_build *b, const char *key, json_t *value)
{
	if (b->depth == JSON_DEPTH || value == NULL) {
		json_decref(value);
		b->failed = true;
		return;
	}
	put(b, key, value);
	b->open[b->depth++] = ours(value);
}

void
json_open_map(struct json_build *b, const char *key)
{
	if (!b->failed)
		open_value(b, key, json_object());
}

void
json_open_list(struct json_build *b, const char *key)
{
	if (!b->failed)
		open_value(b, key, json_array());
}

void
json_close(struct json_build *b)
{
	if (!b->failed)
		b->depth--;
}

/* A text with U+FFFD for each byte that is no part of a character. */
static json_t *
repaired(const char *text)
{
	size_t left = strlen(text), n = 0;
	char *good = malloc(3 * left + 1);
	json_t *value;

	if (good == NULL)
		return NULL;
	while (left > 0) {
		size_t valid = utf8_valid_prefix(text, left);

		memcpy(good + n, text, valid);
		n += valid;
		text += valid;
		left -= valid;
		if (left > 0) {
			memcpy(good + n, "\xef\xbf\xbd", 3);
			n += 3;
			text++;
			left--;
		}
	}
	value = json_stringn_nocheck(good, n);
	free(good);
	return value;
}

static json_t *
text_value(const char *text)
{
	size_t len;

	if (text == NULL)
		return json_null();
	len = strlen(text);
	return utf8_valid_prefix(text, len) == len ? json_stringn_nocheck(text, len) : repaired(text);
}

void
json_text(struct json_build *b, const char *key, const char *text)
{
	if (!b->failed)
		put(b, key, text_value(text));
}

void
json_int(struct json_build *b, const char *key, int64_t number)
{
	if (!b->failed)
		put(b, key, json_integer(number));
}

void
json_bool(struct json_build *b, const char *key, bool value)
{
	if (!b->failed)
		put(b, key, json_boolean(value));
}

/* ---- writing ---- */

struct sink {
	FILE *out;
	const char *indent;
};

/* jansson's output in pieces of whole characters.  What is outside of ASCII, or DEL, stands within a string.
 */
static int
write_piece(const char *piece, size_t len, void *context)
{
	const struct sink *s = context;
	size_t from = 0;

	for (size_t at = 0; at < len;) {
		uint32_t code = 0;
		size_t n;

		if ((unsigned char) piece[at] < 0x7f && piece[at] != '\n') {
			at++;
			continue;
		}
		n = utf8_next(piece + at, len - at, &code);
		if (code == '\n') {
			fwrite(piece + from, 1, at + 1 - from, s->out);
			fputs(s->indent, s->out);
			from = at + 1;
		} else if (utf8_is_hidden(code)) {
			fwrite(piece + from, 1, at - from, s->out);
			if (code >= 0x10000)
				fprintf(s->out, "\\u%04X\\u%04X", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
			else
				fprintf(s->out, "\\u%04X", code);
			from = at + n;
		}
		at += n > 0 ? n : 1;
	}
	fwrite(piece + from, 1, len - from, s->out);
	return 0;
}

static bool
write_value(struct json_build *b, FILE *out, const char *indent, size_t flags)
{
	struct sink s = {.out = out, .indent = indent};
	bool good =
	    !b->failed && json_dump_callback(theirs(b->done), write_piece, &s, flags | JSON_ENCODE_ANY) == 0;

	json_decref(theirs(b->done));
	*b = (struct json_build){0};
	return good;
}

bool
json_print(struct json_build *b, FILE *out, const char *indent)
{
	return write_value(b, out, indent, JSON_INDENT(2));
}

bool
json_print_text(FILE *out, const char *text)
{
	struct json_build b = {0};

	json_text(&b, NULL, text);
	return write_value(&b, out, "", 0);
}

char *
json_take(struct json_build *b, size_t *ret_len)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool good = out != NULL;

	if (out == NULL)
		b->failed = true;
	good = write_value(b, out, "", 0) && good;
	if (out != NULL)
		putc('\n', out);
	if (out != NULL && fclose(out) == 0 && good) {
		*ret_len = len;
		return text;
	}
	free(text);
	return NULL;
}

/* ---- reading ---- */

static bool
is_bounded(json_t *value, int depth)
{
	const char *key;
	json_t *child;
	size_t i;

	if (depth == JSON_DEPTH)
		return false;
	json_array_foreach(value, i, child) if (!is_bounded(child, depth + 1)) return false;
	json_object_foreach(value, key, child) if (!is_bounded(child, depth + 1)) return false;
	return true;
}

struct json *
json_parse(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

	if (value == NULL || is_bounded(value, 0))
		return ours(value);
	json_decref(value);
	return NULL;
}

void
json_free(struct json *value)
{
	json_decref(theirs(value));
}

bool
json_is_map(const struct json *value)
{
	return json_is_object(theirs_const(value));
}

bool
json_is_list(const struct json *value)
{
	return json_is_array(theirs_const(value));
}

const struct json *
json_get(const struct json *value, const char *key)
{
	return ours(json_object_get(theirs_const(value), key));
}

size_t
json_count(const struct json *list)
{
	return json_array_size(theirs_const(list));
}

const struct json *
json_item(const struct json *list, size_t i)
{
	return ours(json_array_get(theirs_const(list), i));
}

const char *
json_plain(const struct json *value, char buf[JSON_PLAIN_SIZE])
{
	const json_t *v = theirs_const(value);

	if (json_is_integer(v)) {
		snprintf(buf, JSON_PLAIN_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		return buf;
	}
	if (json_is_boolean(v))
		return json_is_true(v) ? "true" : "false";
	return json_string_value(v);
}

const char *
json_plain_whole(const struct json *value, char buf[JSON_PLAIN_SIZE])
{
	const json_t *v = theirs_const(value);
	size_t len, digits;

	if (!json_is_real(v))
		return json_plain(value, buf);
	len = json_dumpb(v, buf, JSON_PLAIN_SIZE - 1, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	if (len == 0 || len >= JSON_PLAIN_SIZE)
		return NULL;
	buf[len] = '\0';
	digits = strspn(buf + (buf[0] == '-'), "0123456789") + (buf[0] == '-');
	if (strcmp(buf + digits, ".0") == 0)
		buf[digits] = '\0';
	return buf;
}

const char *
json_string_of(const struct json *map, const char *key)
{
	return json_string_value(theirs_const(json_get(map, key)));
}

int64_t
json_int_of(const struct json *map, const char *key)
{
	return json_integer_value(theirs_const(json_get(map, key)));
}

bool
json_true_of(const struct json *map, const char *key)
{
	return json_is_true(theirs_const(json_get(map, key)));
}
