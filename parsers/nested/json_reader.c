#include "parsers/nested/json_reader.h"

#include "lib/base/utf8.h"

enum { WINDOW_BYTES = 64 << 10 };

/* What may come next. */
enum expect {
	EXPECT_VALUE,        /* any value */
	EXPECT_VALUE_OR_END, /* first in an array */
	EXPECT_KEY,
	EXPECT_KEY_OR_END,   /* first in an object */
	EXPECT_COMMA_OR_END, /* after a member or element */
	EXPECT_NOTHING,      /* after the document's value */
};

/* An object or array that is open. */
struct level {
	bool object;
	uint32_t first_key; /* of its own in keys[] */
};

struct json_reader {
	struct input *in;
	struct json_limits limits;
	struct json_error error;
	enum expect expect;
	bool begun, at_end;
	uint32_t depth;
	uint32_t key_count;
	struct level *levels; /* limits.depth of them */
	uint64_t *keys;       /* hashes of the keys of all open objects: limits.depth * limits.keys of them */
	char *text;           /* limits.text_bytes + 4, for what is not whole in the window */
	uint32_t text_len;
	uint64_t base; /* offset in the file of window[0] */
	size_t at, end;
	char window[WINDOW_BYTES];
};

struct json_reader *
json_reader_new(struct input *in, const struct json_limits *limits)
{
	struct json_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->in = in;
	r->limits = *limits;
	r->base = limits->start;
	r->levels = calloc(limits->depth, sizeof(*r->levels));
	r->keys = calloc((size_t) limits->depth * limits->keys, sizeof(*r->keys));
	r->text = malloc((size_t) limits->text_bytes + 4);
	if (r->levels == NULL || r->keys == NULL || r->text == NULL) {
		json_reader_free(r);
		return NULL;
	}
	return r;
}

void
json_reader_free(struct json_reader *r)
{
	if (r == NULL)
		return;
	free(r->levels);
	free(r->keys);
	free(r->text);
	free(r);
}

const struct json_error *
json_reader_why(const struct json_reader *r)
{
	return &r->error;
}

uint64_t
json_reader_bytes(const struct json_reader *r)
{
	return r->base + r->end;
}

static inline uint64_t
offset(const struct json_reader *r)
{
	return r->base + r->at;
}

static int
refuse(struct json_reader *r, const char *rule, const char *message)
{
	if (r->error.rule == NULL)
		r->error = (struct json_error){rule, message, offset(r)};
	return -1;
}

/* ---- bytes ---- */

/* More bytes into the empty window: 1, 0 at the end, -1 refused. */
static int
refill(struct json_reader *r)
{
	ssize_t n;

	r->base += r->end;
	r->at = r->end = 0;
	n = r->in->read(r->in, r->window, sizeof(r->window));
	if (n < 0)
		return refuse(r, r->in->rule, r->in->why);
	r->end = (size_t) n;
	return n > 0;
}

/* The next byte without taking it: 0 to 255, -1 at the end of the file or when it was refused. */
static inline int
peek(struct json_reader *r)
{
	if (r->at == r->end && refill(r) != 1)
		return -1;
	return (unsigned char) r->window[r->at];
}

/* A byte-order mark, before anything else. */
static int
read_bom(struct json_reader *r)
{
	static const char mark[] = "\xEF\xBB\xBF";

	r->begun = true;
	if (peek(r) != 0xEF)
		return r->limits.bom == 2 ? refuse(r, "no_bom", "the byte-order mark is missing") : 0;
	for (const char *p = mark; *p != '\0'; p++, r->at++)
		if (peek(r) != (unsigned char) *p)
			return refuse(r, "not_json", "neither JSON nor a byte-order mark");
	return r->limits.bom == 0 ? refuse(r, "bom", "begins with a byte-order mark") : 0;
}

static int
unexpected_end(struct json_reader *r)
{
	return refuse(r, "truncated", "the file ends within its JSON");
}

/* ---- texts ---- */

static int
text_add(struct json_reader *r, const char *bytes, size_t len)
{
	if (len > r->limits.text_bytes - r->text_len)
		return refuse(r, "field_too_long", "a key or value is longer than limits: field_bytes");
	memcpy(r->text + r->text_len, bytes, len);
	r->text_len += (uint32_t) len;
	return 0;
}

static int
text_add_character(struct json_reader *r, uint32_t c)
{
	char utf8[4];
	size_t len;

	if (c < 0x80) {
		utf8[0] = (char) c;
		len = 1;
	} else if (c < 0x800) {
		utf8[0] = (char) (0xC0 | c >> 6);
		utf8[1] = (char) (0x80 | (c & 0x3F));
		len = 2;
	} else if (c < 0x10000) {
		utf8[0] = (char) (0xE0 | c >> 12);
		utf8[1] = (char) (0x80 | (c >> 6 & 0x3F));
		utf8[2] = (char) (0x80 | (c & 0x3F));
		len = 3;
	} else {
		utf8[0] = (char) (0xF0 | c >> 18);
		utf8[1] = (char) (0x80 | (c >> 12 & 0x3F));
		utf8[2] = (char) (0x80 | (c >> 6 & 0x3F));
		utf8[3] = (char) (0x80 | (c & 0x3F));
		len = 4;
	}
	return text_add(r, utf8, len);
}

/* The four hex digits of \uXXXX. */
static int
read_hex4(struct json_reader *r, uint32_t *ret)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		int c = peek(r);
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t) (c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			v = v << 4 | (uint32_t) ((c | 0x20) - 'a' + 10);
		else if (c < 0)
			return unexpected_end(r);
		else
			return refuse(r, "not_json", "\\u without four hexadecimal digits");
		r->at++;
	}
	*ret = v;
	return 0;
}

static int
read_unicode_escape(struct json_reader *r)
{
	uint32_t c, low;

	if (read_hex4(r, &c) != 0)
		return -1;
	if (c == 0)
		return refuse(r, "nul", "\\u0000 in a text");
	if (c >= 0xDC00 && c <= 0xDFFF)
		return refuse(r, "not_json", "the second half of a surrogate pair stands alone");
	if (c >= 0xD800 && c <= 0xDBFF) {
		for (const char *p = "\\u"; *p != '\0'; p++, r->at++)
			if (peek(r) != *p)
				return refuse(r, "not_json", "the first half of a surrogate pair stands alone");
		if (read_hex4(r, &low) != 0)
			return -1;
		if (low < 0xDC00 || low > 0xDFFF)
			return refuse(r, "not_json", "the first half of a surrogate pair stands alone");
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	return text_add_character(r, c);
}

/* After a backslash. */
static int
read_escape(struct json_reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	int c = peek(r);
	const char *known;

	if (c < 0)
		return unexpected_end(r);
	if (c == 'u') {
		r->at++;
		return read_unicode_escape(r);
	}
	known = c == 0 ? NULL : strchr(from, c);
	if (known == NULL)
		return refuse(r, "not_json", "an escape that JSON does not have");
	r->at++;
	return text_add(r, &to[known - from], 1);
}

/* How many bytes from here on stand for themselves in a string. */
static inline size_t
plain_run(const struct json_reader *r)
{
	size_t i = r->at;

	while (i < r->end) {
		unsigned char c = (unsigned char) r->window[i];
		if (c == '"' || c == '\\' || c < 0x20)
			break;
		i++;
	}
	return i - r->at;
}

/* A string, its opening quote being next. */
static int
read_string(struct json_reader *r, struct slice *ret)
{
	bool in_window = true;
	uint64_t start;

	r->at++;
	start = offset(r);
	r->text_len = 0;
	for (;;) {
		int c = peek(r); /* may refill, so only here can the window move */
		size_t run = plain_run(r);
		if (c < 0)
			return unexpected_end(r);
		c = r->at + run < r->end ? (unsigned char) r->window[r->at + run] : -1;
		if (in_window && c == '"' && run <= r->limits.text_bytes) { /* as nearly always */
			*ret = (struct slice){r->window + r->at, (uint32_t) run};
			r->at += run + 1;
			break;
		}
		in_window = false;
		if (text_add(r, r->window + r->at, run) != 0)
			return -1;
		r->at += run;
		if (c < 0)
			continue;
		if (c == '"') {
			r->at++;
			*ret = (struct slice){r->text, r->text_len};
			break;
		}
		if (c != '\\')
			return refuse(r, c == 0 ? "nul" : "not_json", "a control character in a text");
		r->at++;
		if (read_escape(r) != 0)
			return -1;
	}
	if (!utf8_text_ok(ret->data, ret->len)) {
		(void) refuse(r, "not_utf8", "a text that is not UTF-8");
		r->error.offset = in_window ? start + utf8_valid_prefix(ret->data, ret->len) : start;
		return -1;
	}
	return 0;
}

/* Takes digits: how many, or -1. */
static int
read_digits(struct json_reader *r)
{
	int n = 0;

	for (int c = peek(r); c >= '0' && c <= '9'; c = peek(r), n++) {
		char digit = (char) c;
		if (text_add(r, &digit, 1) != 0)
			return -1;
		r->at++;
	}
	return n;
}

/* Takes the next byte into the text when it is one of these: 1, 0, -1. */
static int
read_one_of(struct json_reader *r, const char *set)
{
	int c = peek(r);
	char byte = (char) c;

	if (c <= 0 || strchr(set, c) == NULL)
		return 0;
	if (text_add(r, &byte, 1) != 0)
		return -1;
	r->at++;
	return 1;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static int
read_number(struct json_reader *r, struct slice *ret)
{
	int rc;

	r->text_len = 0;
	if (read_one_of(r, "-") < 0)
		return -1;
	rc = read_one_of(r, "0");
	if (rc == 0)
		rc = read_digits(r);
	if (rc == 0)
		return refuse(r, "not_json", "a number without digits");
	if (rc > 0 && (rc = read_one_of(r, ".")) > 0 && (rc = read_digits(r)) == 0)
		return refuse(r, "not_json", "a number without digits after its point");
	if (rc >= 0 && (rc = read_one_of(r, "eE")) > 0 && (rc = read_one_of(r, "+-")) >= 0 &&
	    (rc = read_digits(r)) == 0)
		return refuse(r, "not_json", "a number without digits in its exponent");
	if (rc < 0 || r->error.rule != NULL)
		return -1;
	*ret = (struct slice){r->text, r->text_len};
	return 0;
}

static int
read_word(struct json_reader *r, const char *word)
{
	for (; *word != '\0'; word++, r->at++) {
		int c = peek(r);
		if (c < 0)
			return unexpected_end(r);
		if (c != *word)
			return refuse(r, "not_json", "neither a value nor true, false or null");
	}
	return 0;
}

/* ---- structure ---- */

static int
open_level(struct json_reader *r, bool object)
{
	if (r->depth == r->limits.depth)
		return refuse(r, "too_deep", "nested deeper than limits: depth");
	r->levels[r->depth++] = (struct level){object, r->key_count};
	r->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
	r->at++;
	return 0;
}

static void
after_value(struct json_reader *r)
{
	if (r->depth > 0)
		r->expect = EXPECT_COMMA_OR_END;
	else
		r->expect = EXPECT_NOTHING;
}

static void
close_level(struct json_reader *r)
{
	r->at++;
	r->key_count = r->levels[--r->depth].first_key;
	after_value(r);
}

/* FNV-1a, 64 bits.  Equal keys have equal hashes, so no key twice gets through; who makes unlike keys collide
 * has only his own file refused. */
static uint64_t
hash(struct slice s)
{
	uint64_t h = 0xCBF29CE484222325;

	for (uint32_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char) s.data[i]) * 0x100000001B3;
	return h;
}

static int
remember_key(struct json_reader *r, struct slice key)
{
	uint32_t first = r->levels[r->depth - 1].first_key;
	uint64_t h = hash(key);

	for (uint32_t i = first; i < r->key_count; i++)
		if (r->keys[i] == h)
			return refuse(r, "duplicate_key", "a key twice in one object");
	if (r->key_count - first == r->limits.keys)
		return refuse(r, "too_many_keys", "an object has more keys than limits: columns");
	r->keys[r->key_count++] = h;
	return 0;
}

static int
read_key(struct json_reader *r, struct json_token *t)
{
	int c;

	if (peek(r) != '"')
		return peek(r) < 0 ? unexpected_end(r) : refuse(r, "not_json", "a key was expected");
	t->event = JSON_KEY;
	if (read_string(r, &t->text) != 0 || remember_key(r, t->text) != 0)
		return -1;
	t->end = offset(r);
	/* the colon may be in another window than the key: the text must outlive the refill */
	if (t->text.data != r->text) {
		memcpy(r->text, t->text.data, t->text.len);
		t->text.data = r->text;
	}
	for (c = peek(r); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = peek(r)) {
		if (c == '\n' && r->limits.lines)
			return refuse(r, "not_json", "a line ends within its value");
		r->at++;
	}
	if (c != ':')
		return c < 0 ? unexpected_end(r) : refuse(r, "not_json", "a colon was expected");
	r->at++;
	r->expect = EXPECT_VALUE;
	return 1;
}

static int
read_value(struct json_reader *r, struct json_token *t, int c)
{
	int rc;

	switch (c) {
	case '{':
	case '[':
		t->event = c == '{' ? JSON_OBJECT : JSON_ARRAY;
		rc = open_level(r, c == '{');
		t->end = offset(r);
		return rc == 0 ? 1 : -1;
	case '"':
		t->event = JSON_STRING;
		rc = read_string(r, &t->text);
		break;
	case 't':
		t->event = JSON_TRUE;
		rc = read_word(r, "true");
		break;
	case 'f':
		t->event = JSON_FALSE;
		rc = read_word(r, "false");
		break;
	case 'n':
		t->event = JSON_NULL;
		rc = read_word(r, "null");
		break;
	default:
		if (c != '-' && (c < '0' || c > '9'))
			return refuse(r, c == 0 ? "nul" : "not_json", "a value was expected");
		t->event = JSON_NUMBER;
		rc = read_number(r, &t->text);
	}
	if (rc != 0)
		return -1;
	t->end = offset(r);
	after_value(r);
	return 1;
}

/* Skips white space: the byte after it, -1 at the end of the file, -2 when refused. */
static int
skip_space(struct json_reader *r)
{
	int c;

	for (c = peek(r); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = peek(r)) {
		if (c == '\n' && r->limits.lines) {
			if (r->expect != EXPECT_NOTHING) {
				(void) refuse(r, "not_json", "a line without a value, or that ends within it");
				return -2;
			}
			r->expect = EXPECT_VALUE;
		}
		r->at++;
	}
	return r->error.rule != NULL ? -2 : c;
}

/* The file has ended. */
static int
finish(struct json_reader *r)
{
	if (r->limits.lines && r->limits.last_newline && r->expect == EXPECT_NOTHING)
		return refuse(r, "truncated", "the last line does not end");
	if (r->limits.lines && r->expect == EXPECT_VALUE && r->depth == 0) {
		r->at_end = true;
		return 0;
	}
	if (r->expect != EXPECT_NOTHING)
		return unexpected_end(r);
	r->at_end = true;
	return 0;
}

int
json_reader_next(struct json_reader *r, struct json_token *ret)
{
	struct json_token t = {0};
	bool object = r->depth > 0 && r->levels[r->depth - 1].object;
	int c, rc;

	if (r->error.rule != NULL)
		return -1;
	if (r->at_end)
		return 0;
	if (!r->begun && read_bom(r) != 0)
		return -1;
	c = skip_space(r);
	if (r->expect == EXPECT_COMMA_OR_END && c == ',') {
		r->at++;
		r->expect = object ? EXPECT_KEY : EXPECT_VALUE;
		c = skip_space(r);
	}
	if (c < 0)
		return c == -1 ? finish(r) : -1;
	t.offset = offset(r);
	if (r->expect != EXPECT_VALUE && r->expect != EXPECT_KEY && r->expect != EXPECT_NOTHING &&
	    c == (object ? '}' : ']')) {
		t.event = object ? JSON_OBJECT_END : JSON_ARRAY_END;
		close_level(r);
		t.end = offset(r);
		*ret = t;
		return 1;
	}
	switch (r->expect) {
	case EXPECT_NOTHING:
		return refuse(r, "trailing_bytes", "more after the end of the JSON");
	case EXPECT_COMMA_OR_END:
		return refuse(r, "not_json", "a comma or an end was expected");
	case EXPECT_KEY:
	case EXPECT_KEY_OR_END:
		rc = read_key(r, &t);
		break;
	case EXPECT_VALUE:
	case EXPECT_VALUE_OR_END:
	default:
		rc = read_value(r, &t, c);
	}
	if (rc == 1)
		*ret = t;
	return rc;
}
