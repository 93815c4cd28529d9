#include "lib/protocol/contract.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/text.h"

bool
contract_step(const struct contract *c, size_t message, int *state)
{
	unsigned char next = c->messages[message].next[*state];

	if (next == 0)
		return false;
	*state = next - 1;
	return true;
}

/* ---- encoding ---- */

static void
add_text(struct message_line *line, const struct contract_field *f, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (f->optional && (text == NULL || (len == 0 && f->kind != MEMBER_TEXT)))
		return;
	if (text == NULL || len < (size_t) f->least || len > (size_t) f->most)
		line->full = true;
	else if (f->kind == MEMBER_HEX)
		message_add_hex(line, f->key, text, len);
	else
		message_add(line, f->key, text);
}

static void
add_field(struct message_line *line, const struct contract_field *f, const char *member)
{
	const char *text;
	int64_t number;
	bool flag;
	int word;

	switch (f->kind) {
	case MEMBER_TEXT:
		memcpy(&text, member, sizeof(text));
		add_text(line, f, text);
		break;
	case MEMBER_ARRAY:
	case MEMBER_HEX:
		add_text(line, f, member);
		break;
	case MEMBER_INT:
		memcpy(&number, member, sizeof(number));
		if (number == 0 && f->optional)
			break;
		line->full = line->full || number < f->least || number > f->most;
		message_add_int(line, f->key, number);
		break;
	case MEMBER_WORD:
		memcpy(&word, member, sizeof(word));
		message_add(line, f->key, f->words[word]);
		break;
	case MEMBER_FLAG:
		memcpy(&flag, member, sizeof(flag));
		message_add(line, f->key, flag ? "yes" : "no");
		break;
	}
}

bool
contract_encode(const struct contract *c, size_t message, int *state, const void *value,
                struct message_line *ret)
{
	const struct contract_message *m = &c->messages[message];
	int next = *state;

	if (!contract_step(c, message, &next))
		return false;
	message_start(ret, m->verb);
	for (size_t i = 0; i < m->field_count; i++)
		add_field(ret, &m->fields[i], (const char *) value + m->fields[i].offset);
	if (ret->full)
		return false;
	*state = next;
	return true;
}

/* ---- decoding ---- */

static int refuse(char *why, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int
refuse(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return -1;
}

static int
word_of(const char *const *words, const char *text)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
}

/* A text into its member; false when it is not within its bounds. */
static bool
take_text(const struct contract_field *f, const char *text, char *member)
{
	size_t len = strlen(text);

	if (f->kind == MEMBER_HEX) {
		if (!text_unhex(member, (size_t) f->most, text, &len) || memchr(member, '\0', len) != NULL)
			return false;
		member[len] = '\0';
	}
	if (len < (size_t) f->least || len > (size_t) f->most ||
	    (f->words != NULL && word_of(f->words, text) < 0))
		return false;
	if (f->kind == MEMBER_ARRAY)
		memcpy(member, text, len + 1);
	else if (f->kind == MEMBER_TEXT)
		memcpy(member, &text, sizeof(text));
	return true;
}

static bool
take_field(const struct contract_field *f, const char *text, char *member)
{
	int64_t number;
	bool flag = strcmp(text, "yes") == 0;
	int word;

	switch (f->kind) {
	case MEMBER_TEXT:
	case MEMBER_ARRAY:
	case MEMBER_HEX:
		return take_text(f, text, member);
	case MEMBER_INT:
		if (!text_int(text, f->least, f->most, &number))
			return false;
		memcpy(member, &number, sizeof(number));
		return true;
	case MEMBER_WORD:
		word = word_of(f->words, text);
		if (word < 0)
			return false;
		memcpy(member, &word, sizeof(word));
		return true;
	case MEMBER_FLAG:
		memcpy(member, &flag, sizeof(flag));
		return flag || strcmp(text, "no") == 0;
	}
	return false;
}

/* The key of what is wrong with the fields, or NULL. */
static const char *
take_fields(const struct contract_message *m, const struct message *read, char *value)
{
	size_t known = 0;

	for (size_t i = 0; i < m->field_count; i++) {
		const struct contract_field *f = &m->fields[i];
		size_t at = 0;

		while (at < read->pairs && strcmp(read->pair[at].key, f->key) != 0)
			at++;
		if (at == read->pairs && f->optional)
			continue;
		/* a value with a NUL in it is none of ours */
		if (at == read->pairs || strlen(read->pair[at].value) != read->pair[at].length ||
		    !take_field(f, read->pair[at].value, value + f->offset))
			return f->key;
		known++;
	}
	return known < read->pairs ? "one too many" : NULL;
}

int
contract_decode(const struct contract *c, bool asks, int *state, char *line, bool passed, void *value,
                char *why, size_t why_size)
{
	char shown[TEXT_SHOWN_SIZE];
	const char *wrong;
	struct message read;
	size_t i;

	text_show(shown, line, strlen(line));
	if (!message_read(&read, line))
		return refuse(why, why_size, "it sent no message of the protocol: %.160s", shown);
	for (i = 0; i < c->count; i++)
		if (c->messages[i].asks == asks && strcmp(c->messages[i].verb, read.verb) == 0)
			break;
	if (i == c->count || c->messages[i].next[*state] == 0)
		return refuse(why, why_size, "it spoke out of turn while %s: %.160s", c->states[*state], shown);
	if (passed != c->messages[i].descriptor)
		return refuse(why, why_size, passed ? "%s came with a descriptor" : "%s came without its descriptor",
		              c->messages[i].verb);
	wrong = take_fields(&c->messages[i], &read, value);
	if (wrong != NULL)
		return refuse(why, why_size, "it left out or mistook a field (%s): %.160s", wrong, shown);
	contract_step(c, i, state);
	return (int) i;
}

/* ---- printing ---- */

static void
print_words(const char *const *words, FILE *out)
{
	for (int i = 0; words[i] != NULL; i++)
		fprintf(out, "%s%s", i > 0 ? " | " : "", words[i]);
	fprintf(out, "\n");
}

static void
print_field(const struct contract_field *f, FILE *out)
{
	fprintf(out, "    %s%s: ", f->key, f->optional ? "?" : "");
	switch (f->kind) {
	case MEMBER_TEXT:
	case MEMBER_ARRAY:
		if (f->words != NULL)
			print_words(f->words, out);
		else
			fprintf(out, "text of %" PRId64 " to %" PRId64 " bytes\n", f->least, f->most);
		break;
	case MEMBER_HEX:
		fprintf(out, "hex of %" PRId64 " to %" PRId64 " bytes\n", f->least, f->most);
		break;
	case MEMBER_INT:
		if (f->most == INT64_MAX)
			fprintf(out, "number from %" PRId64 "\n", f->least);
		else
			fprintf(out, "number from %" PRId64 " to %" PRId64 "\n", f->least, f->most);
		break;
	case MEMBER_WORD:
		print_words(f->words, out);
		break;
	case MEMBER_FLAG:
		fprintf(out, "yes | no\n");
		break;
	}
}

void
contract_print(const struct contract *c, FILE *out)
{
	fprintf(out, "# %s: %s asks %s\n", c->name, c->asker, c->answerer);
	for (size_t i = 0; i < c->count; i++) {
		const struct contract_message *m = &c->messages[i];

		fprintf(out, "%s %s%s\n   ", m->asks ? "->" : "<-", m->verb, m->descriptor ? " + descriptor" : "");
		for (int s = 0; c->states[s] != NULL; s++)
			if (m->next[s] != 0)
				fprintf(out, " %s>%s", c->states[s], c->states[m->next[s] - 1]);
		fprintf(out, "\n");
		for (size_t k = 0; k < m->field_count; k++)
			print_field(&m->fields[k], out);
	}
	fprintf(out, "\n");
}
