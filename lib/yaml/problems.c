/* Mistakes found in one YAML file, kept in the file's order. */
#include <stdarg.h>

#include "lib/base/limits.h"
#include "lib/yaml/yaml.h"

struct problem {
	int line, column;
	bool warning;
	char *text;
};

struct problems {
	char *file_name;
	size_t errors, warnings;
	size_t kept;
	struct problem kept_at[LIMIT_PROBLEMS];
	char more[64]; /* the last line when there were more than we keep */
};

struct problems *
problems_new(const char *file_name)
{
	struct problems *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->file_name = strdup(file_name);
	if (p->file_name == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void
problems_free(struct problems *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->kept; i++)
		free(p->kept_at[i].text);
	free(p->file_name);
	free(p);
}

size_t
problems_errors(const struct problems *p)
{
	return p->errors;
}

size_t
problems_warnings(const struct problems *p)
{
	return p->warnings;
}

const char *
problems_line(const struct problems *p, size_t i)
{
	if (i < p->kept)
		return p->kept_at[i].text;
	if (i == p->kept && p->more[0] != '\0')
		return p->more;
	return NULL;
}

/*
 * A file of the operator's own may hold any language, so only what moves a
 * terminal's cursor is escaped: C0, DEL and, in UTF-8, C1.
 */
static void
defuse(char *out, size_t size, const char *in)
{
	size_t n = 0;

	for (; *in != '\0' && n + 5 < size; in++) {
		unsigned char c = (unsigned char) *in, next = (unsigned char) in[1];

		if (c < 0x20 || c == 0x7f)
			n += (size_t) snprintf(out + n, size - n, "\\x%02x", c);
		else if (c == 0xc2 && next >= 0x80 && next <= 0x9f) {
			n += (size_t) snprintf(out + n, size - n, "\\x%02x", next);
			in++;
		} else
			out[n++] = (char) c;
	}
	out[n] = '\0';
}

static void
keep(struct problems *p, int line, int column, bool warning, char *text)
{
	size_t i = p->kept++;

	for (; i > 0; i--) {
		const struct problem *before = &p->kept_at[i - 1];

		if (before->line < line || (before->line == line && before->column <= column))
			break;
		p->kept_at[i] = *before;
	}
	p->kept_at[i] = (struct problem){line, column, warning, text};
}

static void
add(struct problems *p, const struct yaml_node *at, const char *kind, const char *format, va_list args)
{
	char message[LIMIT_MESSAGE_BYTES], raw[2 * LIMIT_MESSAGE_BYTES], line[2 * LIMIT_MESSAGE_BYTES];
	const char *path = at != NULL && at->path != NULL ? at->path : "";
	char *text;

	if (p->kept == LIMIT_PROBLEMS) {
		snprintf(p->more, sizeof(p->more), "... and %zu more", p->errors + p->warnings - p->kept);
		return;
	}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* checked at the callers by the attribute in yaml.h */
	vsnprintf(message, sizeof(message), format, args);
#pragma GCC diagnostic pop
	if (at != NULL)
		snprintf(raw, sizeof(raw), "%s:%d:%d: %.500s%s%s%s", p->file_name, at->line, at->column, path,
		         path[0] != '\0' ? ": " : "", kind, message);
	else
		snprintf(raw, sizeof(raw), "%s: %s%s", p->file_name, kind, message);
	defuse(line, sizeof(line), raw);
	text = strdup(line);
	if (text != NULL)
		keep(p, at != NULL ? at->line : 0, at != NULL ? at->column : 0, *kind != '\0', text);
}

void
yaml_error(struct problems *p, const struct yaml_node *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	p->errors++;
	add(p, at, "", format, args);
	va_end(args);
}

void
yaml_warn(struct problems *p, const struct yaml_node *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	p->warnings++;
	add(p, at, "warning: ", format, args);
	va_end(args);
}

struct problems *
problems_aside(const struct problems *p)
{
	return problems_new(p->file_name);
}

static bool
is_known(const struct problems *p, const char *text)
{
	for (size_t i = 0; i < p->kept; i++)
		if (strcmp(p->kept_at[i].text, text) == 0)
			return true;
	return false;
}

void
problems_take(struct problems *p, const struct problems *aside)
{
	for (size_t i = 0; i < aside->kept; i++) {
		const struct problem *one = &aside->kept_at[i];
		char *text = is_known(p, one->text) ? NULL : strdup(one->text);

		if (text == NULL)
			continue;
		p->errors += !one->warning;
		p->warnings += one->warning;
		if (p->kept < LIMIT_PROBLEMS)
			keep(p, one->line, one->column, one->warning, text);
		else
			free(text);
	}
	/* none of them may be lost that would keep the file from being used */
	if (aside->errors > 0 && p->errors == 0)
		p->errors = aside->errors;
}
