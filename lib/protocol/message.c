#include "lib/protocol/message.h"

#include <inttypes.h>

#include "lib/base/text.h"

static bool
is_word(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
			return false;
	}
	return len > 0;
}

static bool
has_key(const struct message *m, const char *key)
{
	for (size_t i = 0; i < m->pairs; i++) {
		if (strcmp(m->pair[i].key, key) == 0)
			return true;
	}
	return false;
}

/* One key=value, unescaped in place: the escaped form is never shorter. */
static bool
read_pair(struct message *m, char *pair)
{
	char *equals = strchr(pair, '=');
	if (equals == NULL || m->pairs == MESSAGE_PAIRS || !is_word(pair, (size_t) (equals - pair)))
		return false;
	*equals = '\0';
	char *value = equals + 1;
	size_t length;
	if (has_key(m, pair) || !text_unescape(value, strlen(value) + 1, value, &length))
		return false;
	value[length] = '\0';
	m->pair[m->pairs].key = pair;
	m->pair[m->pairs].value = value;
	m->pair[m->pairs].length = length;
	m->pairs++;
	return true;
}

bool
message_read(struct message *ret, char *line)
{
	char *next = strchr(line, '\t');
	if (next != NULL)
		*next++ = '\0';
	if (!is_word(line, strlen(line)))
		return false;
	ret->verb = line;
	ret->pairs = 0;
	while (next != NULL) {
		char *pair = next;
		next = strchr(pair, '\t');
		if (next != NULL)
			*next++ = '\0';
		if (!read_pair(ret, pair))
			return false;
	}
	return true;
}

const char *
message_text(const struct message *m, const char *key)
{
	for (size_t i = 0; i < m->pairs; i++) {
		if (strcmp(m->pair[i].key, key) == 0)
			return strlen(m->pair[i].value) == m->pair[i].length ? m->pair[i].value : NULL;
	}
	return NULL;
}

bool
message_int(const struct message *m, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	const char *text = message_text(m, key);
	return text != NULL && text_int(text, min, max, ret);
}

bool
message_hex(const struct message *m, const char *key, void *buf, size_t size, size_t *ret_len)
{
	const char *text = message_text(m, key);
	return text != NULL && text_unhex(buf, size, text, ret_len);
}

static void
append(struct message_line *line, const char *text, size_t len)
{
	if (line->full || len > MESSAGE_BYTES - line->length) {
		line->full = true;
		return;
	}
	memcpy(line->text + line->length, text, len);
	line->length += len;
	line->text[line->length] = '\0';
}

static void
append_key(struct message_line *line, const char *key)
{
	append(line, "\t", 1);
	append(line, key, strlen(key));
	append(line, "=", 1);
}

void
message_start(struct message_line *line, const char *verb)
{
	line->length = 0;
	line->full = false;
	append(line, verb, strlen(verb));
}

void
message_add_bytes(struct message_line *line, const char *key, const void *bytes, size_t len)
{
	append_key(line, key);
	size_t room = MESSAGE_BYTES + 1 - line->length;
	size_t length = text_escape(line->text + line->length, room, bytes, len);
	if (line->full || length >= room)
		line->full = true;
	else
		line->length += length;
}

void
message_add(struct message_line *line, const char *key, const char *value)
{
	message_add_bytes(line, key, value, strlen(value));
}

void
message_add_int(struct message_line *line, const char *key, int64_t value)
{
	char digits[sizeof("-9223372036854775808")];
	int length = snprintf(digits, sizeof(digits), "%" PRId64, value);
	append_key(line, key);
	append(line, digits, (size_t) length);
}

void
message_add_hex(struct message_line *line, const char *key, const void *bytes, size_t len)
{
	append_key(line, key);
	if (line->full || len > (MESSAGE_BYTES - line->length) / 2) {
		line->full = true;
		return;
	}
	text_hex(line->text + line->length, bytes, len);
	line->length += 2 * len;
}

bool
message_end(struct message_line *line)
{
	if (line->full)
		return false;
	line->text[line->length++] = '\n';
	line->text[line->length] = '\0';
	return true;
}
