#include "lib/finance/output/json_tree.h"

#include "lib/finance/output/memory.h"

#include <stdint.h>

#define DEPTH 16

static struct json_node *parse_value(const char **at, int depth);

static void
skip_space(const char **at)
{
	*at += strspn(*at, " \t\r\n");
}

static bool
take(const char **at, char c)
{
	skip_space(at);
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* Four hex digits; false when they are not there.  Surrogates come from nobody who writes to us. */
static bool
parse_code(const char *at, uint32_t *ret)
{
	uint32_t code = 0;

	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef", *found = at[i] ? strchr(digits, at[i] | 0x20) : NULL;
		if (!found || at[i] < '0')
			return false;
		code = code << 4 | (uint32_t) (found - digits);
	}
	*ret = code;
	return code > 0 && (code < 0xd800 || code > 0xdfff);
}

static char *
put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char) code;
		return to;
	}
	if (code < 0x800)
		*to++ = (char) (0xc0 | code >> 6);
	else {
		*to++ = (char) (0xe0 | code >> 12);
		*to++ = (char) (0x80 | (code >> 6 & 0x3f));
	}
	*to++ = (char) (0x80 | (code & 0x3f));
	return to;
}

/* The string at a quote, unescaped; NULL when it is none. */
static char *
parse_string(const char **at)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *s = *at + 1, *end = s;

	if (**at != '"')
		return NULL;
	while (*end && *end != '"')
		end += *end == '\\' && end[1] ? 2 : 1;
	if (!*end)
		return NULL;
	char *text = mem_new((size_t) (end - s) + 1, 1), *to = text;
	while (s < end) {
		uint32_t code;
		const char *letter;
		if (*s != '\\')
			*to++ = *s++;
		else if (s[1] == 'u' && end - s >= 6 && parse_code(s + 2, &code)) {
			to = put_utf8(to, code);
			s += 6;
		} else if ((letter = strchr(letters, s[1])) != NULL) {
			*to++ = meanings[letter - letters];
			s += 2;
		} else {
			free(text);
			return NULL;
		}
	}
	*at = end + 1;
	return text;
}

/* Members of a map or a list up to its end. */
static bool
parse_members(const char **at, struct json_node *node, int depth)
{
	char close = node->kind == JSON_MAP ? '}' : ']';
	struct json_node **last = &node->first;

	if (take(at, close))
		return true;
	do {
		char *key = NULL;
		skip_space(at);
		if (node->kind == JSON_MAP && ((key = parse_string(at)) == NULL || !take(at, ':'))) {
			free(key);
			return false;
		}
		*last = parse_value(at, depth + 1);
		if (!*last) {
			free(key);
			return false;
		}
		(*last)->key = key;
		last = &(*last)->next;
	} while (take(at, ','));
	return take(at, close);
}

static bool
parse_plain(const char **at, struct json_node *node)
{
	size_t len = strspn(*at, "-+.0123456789abcdefghijklmnopqrstuvwxyzE");
	char *word = mem_part(*at, len);

	*at += len;
	node->text = word;
	node->kind = strcmp(word, "true") == 0 || strcmp(word, "false") == 0 ? JSON_BOOL : JSON_NUMBER;
	if (strcmp(word, "null") == 0) {
		node->kind = JSON_NULL;
		node->text = NULL;
		free(word);
		return true;
	}
	return node->kind == JSON_BOOL || (len > 0 && strspn(word, "-+.0123456789eE") == len);
}

static struct json_node *
parse_value(const char **at, int depth)
{
	struct json_node *node = mem_new(1, sizeof(*node));
	bool good = depth < DEPTH;

	skip_space(at);
	if (good && (**at == '{' || **at == '[')) {
		node->kind = *(*at)++ == '{' ? JSON_MAP : JSON_LIST;
		good = parse_members(at, node, depth);
	} else if (good && **at == '"') {
		node->kind = JSON_STRING;
		node->text = parse_string(at);
		good = node->text != NULL;
	} else if (good)
		good = parse_plain(at, node);
	if (good)
		return node;
	json_free(node);
	return NULL;
}

struct json_node *
json_parse(const char *text)
{
	struct json_node *node = parse_value(&text, 0);

	skip_space(&text);
	if (node && *text) {
		json_free(node);
		return NULL;
	}
	return node;
}

void
json_free(struct json_node *node)
{
	while (node) {
		struct json_node *next = node->next;
		json_free(node->first);
		free(node->key);
		free(node->text);
		free(node);
		node = next;
	}
}

const struct json_node *
json_get(const struct json_node *node, const char *key)
{
	if (!node || node->kind != JSON_MAP)
		return NULL;
	for (const struct json_node *child = node->first; child; child = child->next)
		if (strcmp(child->key, key) == 0)
			return child;
	return NULL;
}

const char *
json_member(const struct json_node *node, const char *key)
{
	const struct json_node *child = json_get(node, key);

	return child ? child->text : NULL;
}
