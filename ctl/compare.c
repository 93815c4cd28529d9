#include "ctl/compare.h"

#include "lib/finance/output/memory.h"
#include "lib/finance/output/render.h"

static const struct column difference_columns[] = {
    {"table", "In", COLUMN_TEXT, 0, 0, NULL},    {"row", "Row", COLUMN_TEXT, 0, 0, NULL},
    {"value", "Value", COLUMN_TEXT, 0, 0, NULL}, {"expected", "Expected", COLUMN_TEXT, 12, 0, NULL},
    {"got", "Got", COLUMN_TEXT, 12, 0, NULL},
};

static void
differ(struct table *differences, const struct table *t, const char *row, const char *value,
       const char *expected, const char *got)
{
	const char *cells[] = {t->key, row, value, expected, got};

	table_row(differences, cells);
}

static void
compare_row(struct table *differences, const struct table *t, size_t row, const char *name,
            const struct json *expected)
{
	for (int c = 0; c < t->column_count; c++) {
		const struct column *column = &t->columns[c];
		const struct json *was = json_get(expected, column->key);
		char buf[JSON_PLAIN_SIZE];
		const char *before = json_plain(was, buf), *cell = table_cell(t, row, c);
		char *exact = cell == NULL ? NULL : cell_exact(column->kind, cell);
		const char *is = exact;

		if (is != NULL && column->kind == COLUMN_BOOL)
			is = strcmp(is, "t") == 0 ? "true" : "false";
		if (was != NULL && ((before == NULL) != (is == NULL) || (is != NULL && strcmp(before, is) != 0)))
			differ(differences, t, name, column->key, before, is);
		free(exact);
	}
}

/* The number that names a row, or where it stands when its table has none. */
static const char *
name_of(const char *named, size_t position, char buf[24])
{
	if (named != NULL)
		return named;
	snprintf(buf, 24, "%zu", position + 1);
	return buf;
}

/* Both in the order of their numbers. */
static int
order(const char *expected, const char *got)
{
	long long a = expected == NULL ? 0 : strtoll(expected, NULL, 10);
	long long b = got == NULL ? 0 : strtoll(got, NULL, 10);

	return (a > b) - (a < b);
}

static void
compare_rows(struct table *differences, const struct table *t, const struct json *list)
{
	/* records have numbers; rows of other tables are compared as they stand */
	const char *key = column_is_number(t->columns[0].kind) ? t->columns[0].key : NULL;
	size_t row = 0, item = 0;

	for (size_t position = 0; item < json_count(list) || row < t->rows; position++) {
		const struct json *was = json_item(list, item);
		char number[JSON_PLAIN_SIZE];
		const char *expected = key == NULL ? NULL : json_plain(json_get(was, key), number);
		const char *got = row == t->rows || key == NULL ? NULL : table_cell(t, row, 0);
		int which = was == NULL ? 1 : row == t->rows ? -1 : key == NULL ? 0 : order(expected, got);
		char buf[24];

		if (which == 0)
			compare_row(differences, t, row, name_of(got, position, buf), was);
		else if (which < 0)
			differ(differences, t, name_of(expected, position, buf), NULL, "a row", NULL);
		else
			differ(differences, t, name_of(got, position, buf), NULL, NULL, "a row");
		if (which <= 0)
			item++;
		if (which >= 0)
			row++;
	}
}

struct document *
document_compare(const struct document *now, const struct json *expected)
{
	struct document *d = document_new("differences", NULL);
	struct table *differences = document_add(d, "differences", NULL, TABLE_ROWS, COLUMNS(difference_columns));

	table_empty(differences, "Nothing differs.");
	for (size_t i = 0; i < now->table_count; i++) {
		const struct table *t = now->tables[i];
		const struct json *was = json_get(expected, t->key);

		if (was == NULL)
			continue;
		if (json_is_list(was))
			compare_rows(differences, t, was);
		else if (json_is_map(was) && t->rows > 0)
			compare_row(differences, t, 0, NULL, was);
	}
	return d;
}
