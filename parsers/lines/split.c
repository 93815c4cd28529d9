#include "parsers/lines/split.h"

#include <ctype.h>

#include "lib/protocol/bytes.h"

static bool
add(struct columns *c, const char *data, size_t len)
{
	if (c->count == c->most)
		return false;
	c->at[c->count].data = data;
	c->at[c->count++].len = (uint32_t) len;
	return true;
}

bool
split_plain(struct slice text, const char *delimiter, size_t delimiter_len, struct columns *ret)
{
	const char *p = text.data, *end = text.data + text.len, *next;

	ret->count = 0;
	for (;;) {
		next = memmem(p, (size_t) (end - p), delimiter, delimiter_len);
		if (next == NULL)
			return add(ret, p, (size_t) (end - p));
		if (!add(ret, p, (size_t) (next - p)))
			return false;
		p = next + delimiter_len;
	}
}

/* Where in a value a cut stands. */
struct cut {
	const char *text;
	uint32_t from;   /* of the value that is being looked at */
	uint32_t closed; /* its closing quote, 0: none yet */
	bool quoted;
};

/* A delimiter or a quote at a place; false when it is not plain. */
static inline bool
cut_at(struct cut *cut, struct columns *ret, uint32_t at, bool is_quote)
{
	if (is_quote) {
		if (cut->quoted) {
			cut->quoted = false;
			cut->closed = at;
			return true;
		}
		cut->quoted = at == cut->from && cut->closed == 0;
		cut->from = at + 1;
		return cut->quoted;
	}
	if (cut->quoted)
		return true;
	if (cut->closed != 0 && cut->closed + 1 != at)
		return false;
	if (!add(ret, cut->text + cut->from, (cut->closed != 0 ? cut->closed : at) - cut->from))
		return false;
	cut->from = at + 1;
	cut->closed = 0;
	return true;
}

bool
split_quoted(struct slice text, char delimiter, char quote, struct columns *ret)
{
	struct cut cut = {.text = text.data};

	if (quote == 0)
		quote = delimiter;
	ret->count = 0;
	/* first the places of 64 bytes, then what stands there: the second loop runs as often in each row of a
	 * table */
	for (uint32_t base = 0; base < text.len; base += 64) {
		uint32_t len = text.len - base < 64 ? text.len - base : 64;

		for (uint64_t mask = bytes_either(text.data + base, len, delimiter, quote); mask != 0;
		     mask &= mask - 1) {
			uint32_t at = base + (uint32_t) __builtin_ctzll(mask);

			if (!cut_at(&cut, ret, at, text.data[at] != delimiter))
				return false;
		}
	}
	return !cut.quoted && cut_at(&cut, ret, text.len, false);
}

static bool
delimiter_at(const char *p, const char *end, const struct split_rule *rule)
{
	return (size_t) (end - p) >= rule->delimiter_len && memcmp(p, rule->delimiter, rule->delimiter_len) == 0;
}

const char *
split_escaped(struct slice text, const struct split_rule *rule, char *out, struct columns *ret,
              uint32_t *ret_at)
{
	const char *p = text.data, *end = text.data + text.len;
	char *value = out;
	bool quoted = false, closed = false, fresh = true;

	ret->count = 0;
	while (p < end) {
		*ret_at = (uint32_t) (p - text.data);
		if (rule->escape != 0 && *p == rule->escape && !closed) {
			if (p + 1 == end)
				return "an escape character with nothing after it";
			/* "\N" is no value in some exports, and "\n" or "\t" another byte: not the letter, in any case */
			if (isalnum((unsigned char) p[1]))
				return "an escape character before a letter or digit, which has a meaning that is not known "
				       "here";
			*out++ = p[1];
			p += 2;
			fresh = false;
		} else if (!quoted && delimiter_at(p, end, rule)) {
			if (!add(ret, value, (size_t) (out - value)))
				return "more columns than the limit columns";
			value = out;
			p += rule->delimiter_len;
			fresh = true;
			closed = false;
		} else if (rule->doubled && quoted && *p == rule->quote && end - p > 1 && p[1] == rule->quote) {
			*out++ = *p;
			p += 2;
		} else if (rule->quote != 0 && *p == rule->quote && (quoted || fresh)) {
			closed = quoted;
			quoted = !quoted;
			fresh = false;
			p++;
		} else if (closed || (rule->quote != 0 && !quoted && *p == rule->quote))
			return "a quote that neither begins nor ends a value";
		else {
			*out++ = *p++;
			fresh = false;
		}
	}
	*ret_at = text.len;
	if (quoted)
		return "a quoted value that does not end";
	return add(ret, value, (size_t) (out - value)) ? NULL : "more columns than the limit columns";
}

bool
split_open(struct slice text, char quote, char escape)
{
	const char *p = text.data, *end = text.data + text.len;
	bool open = false;

	if (escape != quote && escape != 0) {
		for (; p < end; p++)
			if (*p == escape)
				p++;
			else if (*p == quote)
				open = !open;
		return open;
	}
	while ((p = memchr(p, quote, (size_t) (end - p))) != NULL) {
		open = !open;
		p++;
	}
	return open;
}

uint32_t
split_locate(struct slice text, const struct split_rule *rule, uint32_t column)
{
	const char *p = text.data, *end = text.data + text.len;
	bool quoted = false;

	for (; p < end && column > 0; p++) {
		if (rule->escape != 0 && rule->escape != rule->quote && *p == rule->escape)
			p++;
		else if (rule->quote != 0 && *p == rule->quote)
			quoted = !quoted;
		else if (!quoted && delimiter_at(p, end, rule)) {
			column--;
			p += rule->delimiter_len - 1;
		}
	}
	if (p < end && rule->quote != 0 && *p == rule->quote)
		p++;
	return (uint32_t) (p < end ? p - text.data : text.len);
}
