/* Columns as CSV: of a job of a target, and of a file. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/csv.h"
#include "lib/connector/connector_internal.h"
#include "lib/json/json.h"

/* A cell as RFC 4180 has it, and nothing changed. */
static void
write_plain(FILE *out, const char *text, char delimiter)
{
	if (strpbrk(text, "\"\r\n") == NULL && strchr(text, delimiter) == NULL) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"')
			fputc('"', out);
		fputc(*p, out);
	}
	fputc('"', out);
}

/* No formula runs: nor is a number one. */
static bool
is_number(const char *text)
{
	text += *text == '-';
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static void
write_cell(FILE *out, const struct connector_csv *csv, const char *text)
{
	if (csv->for_spreadsheet && text[0] != '\0' && !is_number(text))
		csv_field(out, text, csv->delimiter, true);
	else
		write_plain(out, text, csv->delimiter);
}

static bool
write_row(FILE *out, const struct connector_csv *csv, const struct json *object, char *why, size_t why_size)
{
	for (const struct yaml_node *c = csv->columns->first; c != NULL; c = c->next) {
		bool is_null = false;
		char *text = connector_text_or_null(c->text, object, &is_null, why, why_size);

		if (text == NULL)
			return false;
		write_cell(out, csv, is_null ? csv->empty : text);
		fputc(c->next != NULL ? csv->delimiter : '\n', out);
		free(text);
	}
	return true;
}

char *
connector_write_csv(const struct connector_csv *csv, const struct json *const *objects, size_t count,
                    char *why, size_t why_size)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool good = out != NULL;

	for (const struct yaml_node *c = good ? csv->columns->first : NULL; c != NULL; c = c->next) {
		write_cell(out, csv, c->key);
		fputc(c->next != NULL ? csv->delimiter : '\n', out);
	}
	for (size_t i = 0; good && i < count; i++)
		good = write_row(out, csv, objects[i], why, why_size);
	if (out == NULL || fclose(out) != 0) {
		snprintf(why, why_size, "no memory");
		good = false;
	}
	if (good)
		return text;
	free(text);
	return NULL;
}

bool
connector_check_columns(enum connector_kind kind, const struct yaml_node *n, const struct yaml_node *columns,
                        struct problems *p)
{
	if (columns == NULL || columns->kind != YAML_MAP || columns->first == NULL) {
		yaml_error(p, n, "columns: a map of the CSV's columns is required");
		return false;
	}
	for (const struct yaml_node *c = columns->first; c != NULL; c = c->next)
		if (c->kind != YAML_SCALAR)
			yaml_error(p, c, "a text with fields of ours is required");
		else
			connector_check_template(kind, c, p);
	return true;
}
