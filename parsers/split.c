#include "parsers/split.h"

static bool
add(struct columns *c, const char *data, size_t len)
{
	if (c->count == c->most)
		return false;
	c->at[c->count++] = (struct slice){data, (uint32_t) len};
	return true;
}

bool
split_plain(struct slice text, const char *delimiter, size_t delimiter_len, struct columns *ret)
{
	const char *p = text.data, *end = text.data + text.len, *next;

	ret->count = 0;
	for (;;) {
		next = delimiter_len == 1 ? memchr(p, *delimiter, (size_t) (end - p))
		                          : memmem(p, (size_t) (end - p), delimiter, delimiter_len);
		if (next == NULL)
			return add(ret, p, (size_t) (end - p));
		if (!add(ret, p, (size_t) (next - p)))
			return false;
		p = next + delimiter_len;
	}
}

bool
split_quoted(struct slice text, char delimiter, char quote, struct columns *ret)
{
	const char *p = text.data, *end = text.data + text.len, *next;

	ret->count = 0;
	for (;;) {
		if (p < end && *p == quote) {
			p++;
			next = memchr(p, quote, (size_t) (end - p));
			if (next == NULL || (next + 1 < end && next[1] != delimiter) || !add(ret, p, (size_t) (next - p)))
				return false;
			next++;
		} else {
			for (next = p; next < end && *next != delimiter; next++)
				if (*next == quote)
					return false;
			if (!add(ret, p, (size_t) (next - p)))
				return false;
		}
		if (next == end)
			return true;
		p = next + 1;
	}
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
